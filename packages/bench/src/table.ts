import { cpuUnit, figure, inWords, withUnit } from "./format.ts";
import type { PeerResult, Results, Row, Verdict } from "./results.ts";

/** From this share of one core on the load generator may be what limits a figure. */
export const busyFrom = 0.85;

/** Everything that was measured, as Markdown that can be read as it is. */
export function render(results: Results): string {
  const { machine, versions, sizes, rows } = results;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${results.date.slice(0, 10)}, sizes: ${sizes.name}, ${sizes.rounds} round(s), medians.${sizes.name === "full" ? "" : " **Smaller than the targets are meant for.**"}`,
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.os}; ${programs.join(", ")}.`,
    `Load: ${results.driver}; busy for ${busiest(rows)} % of a core at most.`,
    ...results.notMeasured.map((line) => `${line}.`),
    "",
    table(peerHead, rows.flatMap(peerLines)),
    "",
    `\\* The load generator was busy for ${busyFrom * 100} % of the time or more: the peer may be faster than this.`,
    "",
    "Upstream requests: with the clients' own method, GET, and, after a plus, with HEAD, which no client waits for.",
    "",
    table(targetHead, rows.flatMap(targetLines)),
  ].join("\n");
}

function busiest(rows: readonly Row[]): number {
  const all = rows.flatMap(({ peers }) => peers.map(({ median }) => median.busy ?? 0));
  return Math.round(Math.max(0, ...all) * 100);
}

const peerHead = [
  "work",
  "peer",
  "throughput",
  "subject / peer",
  "p50 ms",
  "p99 ms",
  "CPU",
  "peak MB",
  "upstream requests",
];
const targetHead = ["work", "target", "value", "met"];

function peerLines(row: Row): string[][] {
  return row.peers.map((peer, index) => [
    index === 0 ? row.title : "",
    peer.name,
    `${row.unit === null ? "-" : withUnit(peer.median.rate, row.unit)}${(peer.median.busy ?? 0) >= busyFrom ? " \\*" : ""}`,
    ratioTo(row, peer),
    figure(peer.median.p50),
    figure(peer.median.p99),
    withUnit(peer.median.cpu, cpuUnit(row.unit)),
    figure(peer.median.memory),
    upstream(row, peer),
  ]);
}

/** Throughput, or time where there is none. */
function ratioTo(row: Row, { name }: PeerResult): string {
  const metric = row.unit === null ? "p50" : "rate";
  const ratio = row.ratios.find((one) => one.against === name && one.metric === metric);
  return ratio === undefined ? "" : `${figure(ratio.value)} x`;
}

function upstream({ id }: Row, { upstream: count }: PeerResult): string {
  if (count === null) {
    return "-";
  }
  const beside = count.beside === 0 ? "" : ` + ${figure(count.beside)}`;
  return `${figure(count.asked)}${beside} ${id === "new-tag" ? "in all" : "each"}`;
}

function targetLines({ title, targets }: Row): string[][] {
  return targets.map((verdict, index) => [
    index === 0 ? title : "",
    inWords(verdict),
    figure(verdict.value),
    outcome(verdict),
  ]);
}

function outcome({ met }: Verdict): string {
  return met === null ? "not measured" : met ? "yes" : "no";
}

/** A Markdown table whose columns stand under each other. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...lines.map((line) => (line[column] ?? "").length)),
  );
  const draw = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [draw(head), draw(widths.map((width) => "-".repeat(width))), ...lines.map(draw)].join("\n");
}
