import { figure, withUnit } from "./format.ts";
import type { PeerName } from "./peers.ts";
import type { PeerResult, Results, Row } from "./results.ts";

const width = 860;
const labels = 170;
const longest = 480;
const bar = 18;
const gap = 34;

const colours: Readonly<Record<PeerName, string>> = {
  router: "#1f6feb",
  "router, many rules": "#1f6feb",
  "router, 1 rule": "#79b8ff",
  "nginx error_page": "#2da44e",
  "nginx + Lua": "#bf8700",
  "other build": "#7f7f7f",
  caddy: "#8250df",
  direct: "#8c959f",
  "bare node": "#57606a",
};

/** A bar per peer under each work: throughput, or time where there is none; the longest bar is the largest figure. */
export function drawChart({ rows, date, sizes }: Results): string {
  let y = 44;
  const parts: string[] = [];
  for (const row of rows) {
    parts.push(drawRow(row, y));
    y += gap + row.peers.length * bar;
  }
  const title = `Combined Registry and its peers, ${date.slice(0, 10)}, sizes: ${sizes.name}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="sans-serif" font-size="12">
<title>${xmlText(title)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="12" y="24" font-size="15" font-weight="bold">${xmlText(title)}</text>
${parts.join("\n")}
</svg>
`;
}

function drawRow(row: Row, top: number): string {
  const largest = Math.max(...row.peers.map((peer) => barValue(row, peer)), Number.MIN_VALUE);
  const better = row.unit === null ? "ms, less is better" : `${row.unit}, more is better`;
  const heading = `<text x="12" y="${top + 12}" font-weight="bold">${xmlText(`${row.title} (${better})`)}</text>`;
  const bars = row.peers.map((peer, index) => {
    const y = top + 18 + index * bar;
    const value = barValue(row, peer);
    const length = Math.max(1, Math.round((value / largest) * longest));
    return [
      `<text x="${labels - 8}" y="${y + 12}" text-anchor="end">${xmlText(peer.name)}</text>`,
      `<rect x="${labels}" y="${y}" width="${length}" height="${bar - 4}" fill="${colours[peer.name]}"/>`,
      `<text x="${labels + length + 6}" y="${y + 12}">${xmlText(figureOf(row, value))}</text>`,
    ].join("\n");
  });
  return [heading, ...bars].join("\n");
}

function barValue({ unit }: Row, { median }: PeerResult): number {
  const value = unit === null ? median.p50 : median.rate;
  return value !== null && Number.isFinite(value) ? value : 0;
}

function figureOf({ unit }: Row, value: number): string {
  return unit === null ? `${figure(value)} ms` : withUnit(value, unit);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as XML has it. */
export function xmlText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
