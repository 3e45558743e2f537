import type { CheckReport, Finding, Severity, UpstreamReport } from "@combined-registry/core";
import type { Paint, Shade } from "./colour.ts";
import { table } from "./table.ts";

const shades: Readonly<Record<Severity, Shade>> = {
  ok: "good",
  hint: "note",
  warning: "bad",
  error: "worse",
};

interface Row {
  readonly severity?: Severity;
  readonly cells: readonly string[];
}

/** The report as text: the registries, the findings, and how many there are of each severity. */
export function renderCheck({ upstreams, findings }: CheckReport, paint: Paint): string {
  const rows = [...fine(findings), ...findings.filter(({ severity }) => severity !== "ok").flatMap(rowsOf)];
  const heading = ["upstream", "url", "is", "/v2/", "time"];
  const blocks = [
    table([heading, ...upstreams.map(upstreamRow)], (cell, _, row) =>
      row === 0 ? paint("faint", cell) : cell,
    ),
    table(
      rows.map(({ cells }) => cells),
      (cell, column, row) => {
        const severity = rows[row]?.severity;
        return column === 0 && severity !== undefined ? paint(shades[severity], cell) : cell;
      },
    ),
    `  ${summary(findings)}`,
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** Findings of severity "ok", one line for each place. */
function fine(findings: readonly Finding[]): Row[] {
  const good = findings.filter(({ severity }) => severity === "ok");
  return [...new Set(good.map(({ where }) => where))].map((place) => {
    const said = good.filter(({ where }) => where === place).map(({ what }) => what);
    return { severity: "ok", cells: ["ok", place, said.join(", ")] };
  });
}

function upstreamRow({ name, url, status, latency, ...rest }: UpstreamReport): string[] {
  return [name, url, productOf(rest), status === undefined ? "-" : String(status), `${latency} ms`];
}

function productOf({
  product,
  version,
  cache,
}: Pick<UpstreamReport, "product" | "version" | "cache">): string {
  const name = version === undefined ? product : `${product} ${version}`;
  return cache === true ? `${name}, pull-through cache` : name;
}

function rowsOf({ severity, where, what, advice }: Finding): Row[] {
  return [
    { severity, cells: [severity, where, what] },
    ...(advice === undefined ? [] : [{ cells: ["", "", `-> ${advice}`] }]),
  ];
}

function summary(findings: readonly Finding[]): string {
  const severities = ["error", "warning", "hint"] as const;
  return severities
    .map((severity) => {
      const count = findings.filter((one) => one.severity === severity).length;
      return `${count} ${severity}${count === 1 ? "" : "s"}`;
    })
    .join(", ");
}
