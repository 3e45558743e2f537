import type {
  ExplainedAccess,
  ExplainedRule,
  Explanation,
  SkippedUpstream,
  UpstreamAnswer,
} from "../inspect/explanation.ts";
import { type Html, html, type Part, table } from "./html.ts";
import { type BoxAnswer, shortDigest } from "./model.ts";

/** What the box says: an explanation with the commands that go with it, or why there is none. */
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

function facts({ host, rule, pull, push, skipped, shadowing, upstreams }: Explanation): [string, Part][] {
  const digest = upstreams.find(({ name }) => name === pull.from)?.digest;
  return [
    ["pull", verdict(pull.from && `from ${pull.from}`, String(pull.status), pull.because)],
    ...(digest === undefined ? [] : [["digest", digest] satisfies [string, Part]]),
    ["push", verdict(push.to && `to ${push.to}`, "denied", push.because)],
    ["rule", `${rule.name}: ${describeRule(rule)}`],
    ...(host === undefined
      ? []
      : [["host", `${host.name}: ${hostMeans[host.means]}`] satisfies [string, Part]]),
    ...shadowing.map(({ hosted, proxy }): [string, Part] => [
      "shadowed",
      `${proxy.name} has ${proxy.digest}, ${hosted.name} ${hosted.digest}`,
    ]),
    ...reasonsOf(skipped).map(([reason, names]): [string, Part] => [
      "not asked",
      `${names.join(", ")}: ${reason}`,
    ]),
  ];
}

/** Of a dozen caches, most are skipped for one reason. */
function reasonsOf(skipped: readonly SkippedUpstream[]): [reason: string, names: string[]][] {
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of skipped) {
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  return [...reasons];
}

function verdict(good: string | undefined, bad: string, because: string): Html {
  return good === undefined
    ? html`<span class="bad">${bad}</span>: ${because}`
    : html`<span class="good">${good}</span>: ${because}`;
}

const hostMeans = {
  hosts: "stands for one registry alone",
  namespace: "a proxy serves it",
  nothing: "no upstream's, dropped",
} as const;

/** Without its patterns and the users in it: whoever may pull one image need not hear of all others that the rule is for. */
function describeRule({ pull, onFailure, owned, shadow, access }: ExplainedRule): string {
  return [
    `pull ${pull.join(", ")}`,
    ...(onFailure === "stop" ? ["on failure stop"] : []),
    ...(owned ? ["owned"] : []),
    `shadow ${shadow}`,
    `pulled by ${describeAccess(access.pull)}`,
    `pushed by ${describeAccess(access.push)}`,
  ].join("; ");
}

function describeAccess(access: ExplainedAccess): string {
  switch (access) {
    case "anonymous":
      return "everybody";
    case "authenticated":
      return "every user";
    case "authorize":
      return "whom the router lets in";
    default:
      return "some users";
  }
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
