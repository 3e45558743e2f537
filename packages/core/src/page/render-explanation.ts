import { describeExplanation } from "../inspect/describe-explanation.ts";
import type { Explanation, SkippedUpstream, UpstreamAnswer } from "../inspect/explanation.ts";
import { shortDigest } from "./format.ts";
import { type Html, html, type Part, table } from "./html.ts";
import type { BoxAnswer } from "./model.ts";

/** An explanation with the commands that go with it, or why there is none. */
export function renderBoxAnswer(answer: BoxAnswer): Html {
  if (answer.kind === "refused") {
    return html`<p class="bad">${answer.message}</p>`;
  }
  const { explanation, pull, push } = answer;
  const { repository, reference, upstreams, advice } = explanation;
  return html`<h3 id="answers-heading">${repository}${reference.includes(":") ? "@" : ":"}${reference}</h3>
<dl>${facts(explanation).map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>
`,
  )}</dl>
${advice.map((one) => html`<p><span class="note">→</span> ${one}</p>`)}
${upstreams.length === 0 ? undefined : answersTable(explanation)}
${command("pull-command", "pull", pull)}
${push === undefined ? undefined : command("push-command", "push", push)}`;
}

function facts(explanation: Explanation): [string, Part][] {
  const { pull, push, skipped } = explanation;
  // The reader may pull this one image, and need not learn of the others that the rule is for.
  const text = describeExplanation(explanation, { redacted: true });
  const { rule, pulledBy, pushedBy, host, digest, shadowing } = text;
  return [
    ["pull", outcome(pull.from && `from ${pull.from}`, String(pull.status), pull.because)],
    ...(digest === undefined ? [] : [["digest", digest] satisfies [string, Part]]),
    ["push", outcome(push.to && `to ${push.to}`, "denied", push.because)],
    ["rule", `${rule}; pulled by ${pulledBy}; pushed by ${pushedBy}`],
    ...(host === undefined ? [] : [["host", host] satisfies [string, Part]]),
    ...shadowing.map((digests): [string, Part] => ["shadowed", digests]),
    ...reasonsOf(skipped).map(([reason, names]): [string, Part] => [
      "not asked",
      `${names.join(", ")}: ${reason}`,
    ]),
  ];
}

/** Names the upstreams that are skipped for one reason together: of a dozen caches, most are. */
function reasonsOf(skipped: readonly SkippedUpstream[]): [reason: string, names: string[]][] {
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of skipped) {
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  return [...reasons];
}

function outcome(good: string | undefined, bad: string, because: string): Html {
  return good === undefined
    ? html`<span class="bad">${bad}</span>: ${because}`
    : html`<span class="good">${good}</span>: ${because}`;
}

const shades: Readonly<Record<UpstreamAnswer["outcome"], string>> = {
  found: "good",
  not_found: "faint",
  failed: "bad",
  final: "note",
};

function answersTable({ repository: asked, upstreams }: Explanation): Html {
  return table({
    heading: "answers-heading",
    columns: ["registry", "asked", "says", "status", "time", "more"],
    rows: upstreams.map(({ name, method, repository, outcome, status, latency, cause, digest, breaker }) => [
      name,
      repository === asked ? method : `${method} ${repository}`,
      html`<span class="whole ${shades[outcome]}">${outcome.replace("_", " ")}</span>`,
      status,
      html`<span class="whole">${latency} ms</span>`,
      [cause ?? shortDigest(digest ?? ""), breaker === "closed" ? undefined : ` (circuit ${breaker})`],
    ]),
  });
}

function command(id: string, verb: string, text: string): Html {
  return html`<div class="command"><code id="${id}">${text}</code>
<button type="button" data-script hidden data-copies="${id}">Copy<span class="unseen"> the ${verb} command</span></button></div>`;
}
