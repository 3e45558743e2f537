import { describeExplanation, type Explanation, type UpstreamAnswer } from "@combined-registry/core";
import type { Paint, Shade } from "./colour.ts";
import { table } from "./table.ts";

const shades: Readonly<Record<UpstreamAnswer["outcome"], Shade>> = {
  found: "good",
  not_found: "faint",
  failed: "worse",
  final: "bad",
};

/** The explanation as text: the decision, the answers of the upstreams, and advice. */
export function renderExplanation(explanation: Explanation, paint: Paint): string {
  const { repository, reference, skipped, advice } = explanation;
  const separator = reference.includes(":") ? "@" : ":";
  const blocks = [
    paint("strong", `${repository}${separator}${reference}`),
    table(decision(explanation), (cell, column) => (column === 0 ? paint("faint", cell) : cell)),
    answers(explanation, paint),
    table(skipped.map(({ name, reason }) => ["not asked", name, reason])),
    advice.map((one) => `  ${paint("note", "->")} ${one}`).join("\n"),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function decision(explanation: Explanation): string[][] {
  const { pull, push } = explanation;
  const { host, rule, pulledBy, pushedBy, digest, shadowing } = describeExplanation(explanation);
  return [
    ...(host === undefined ? [] : [["host", host]]),
    ["rule", rule],
    ["who", `pull: ${pulledBy}; push: ${pushedBy}`],
    [
      "pull",
      pull.from === undefined ? `${pull.status}: ${pull.because}` : `from ${pull.from}: ${pull.because}`,
    ],
    ...(digest === undefined ? [] : [["digest", digest]]),
    ...shadowing.map((digests) => ["shadow", digests]),
    ["push", push.to === undefined ? `denied: ${push.because}` : `to ${push.to}: ${push.because}`],
  ];
}

function answers({ upstreams }: Explanation, paint: Paint): string {
  if (upstreams.length === 0) {
    return "";
  }
  // Usually every breaker is closed, since this router serves no clients.
  const breakers = upstreams.some(({ breaker }) => breaker !== "closed");
  const heading = ["upstream", "asked", "says", "status", "time", ...(breakers ? ["breaker"] : []), ""];
  const rows = upstreams.map((one) => answerRow(one, breakers));
  return table([heading, ...rows], (cell, column, row) => {
    const outcome = upstreams[row - 1]?.outcome;
    if (outcome === undefined) {
      return paint("faint", cell);
    }
    return column === 2 ? paint(shades[outcome], cell) : cell;
  });
}

function answerRow(answer: UpstreamAnswer, breakers: boolean): string[] {
  const { name, method, repository, outcome, status, latency, breaker, cause, digest, mediaType } = answer;
  return [
    name,
    `${method} ${repository}`,
    outcome.replace("_", " "),
    status === undefined ? "-" : String(status),
    `${latency} ms`,
    ...(breakers ? [breaker] : []),
    cause ?? `${shortDigest(digest)}  ${shortType(mediaType)}`.trim(),
  ];
}

function shortDigest(digest = ""): string {
  return digest.slice(0, digest.indexOf(":") + 13);
}

/** `oci.image.index.v1` is enough. */
function shortType(type = ""): string {
  return type.replace(/^application\/vnd\./, "").replace(/\+json$/, "");
}
