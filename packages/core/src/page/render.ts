import type { FoundShadow } from "../cache/shadowed-tags.ts";
import { ago, bytes, count, shortDigest } from "./format.ts";
import { type Html, html, table } from "./html.ts";
import type { Box, Model, Names, ShownDecision } from "./model.ts";
import { renderBoxAnswer } from "./render-explanation.ts";

export function renderPage(model: Model): Html {
  return html`<header>
<h1>Combined Registry</h1>
<div class="controls">
<div id="state">${renderState(model)}</div>
<a href="?" data-refresh>Refresh</a>
<label data-script hidden><input type="checkbox" id="every"> <span class="unseen">refresh</span> every 10 seconds</label>
</div>
</header>
<p id="notice" role="status" class="note"></p>
<main>
<section aria-labelledby="upstreams-heading">
<h2 id="upstreams-heading">Registries</h2>
<div id="upstreams">${renderUpstreams(model)}</div>
</section>
${model.names === undefined ? noNames : renderNames(model.names, model.now)}
</main>
<footer>
<p>combined-registry ${model.version}. ${
    model.oneOfSeveral === undefined
      ? "Counts are this process's own: of the last hour, or since it started."
      : `Counts, decisions and breakers are of this process (${model.oneOfSeveral}) alone, one of several behind this address; which one answers may change.${model.hasMetricsOfAll ? " /metrics covers all." : ""}`
  }</p>
</footer>`;
}

const noNames = html`<section aria-labelledby="names-heading">
<h2 id="names-heading">No names</h2>
<p>The private registry checks each client's password itself (<code>auth: passthrough</code>), so the router does not know who may see which names.
Use <code>combined-registry explain</code> on the command line.</p>
</section>`;

function renderState({ upstreams, now }: Model): Html {
  const down = upstreams.filter(({ up }) => !up).map(({ name }) => name);
  const state =
    down.length === 0
      ? html`<strong class="good">✓ All registries answer</strong>`
      : html`<strong class="bad">✗ In trouble: ${down.join(", ")}</strong>`;
  const at = new Date(now).toISOString();
  return html`${state} <span class="faint">at <time datetime="${at}">${at.slice(11, 19)} UTC</time></span>`;
}

const breakers = {
  closed: "closed",
  open: "circuit open",
  "half-open": "half-open: probe in flight",
} as const;

function renderUpstreams({ upstreams, router }: Model): Html {
  const rows = upstreams.map(({ name, kind, up, status, latency, cause, breaker, hour }) => [
    name,
    html`<span class="whole">${kind === "hosted" ? "private" : "cache"}</span>`,
    html`<span class="${up ? "good" : "bad"}">${up ? "✓ up" : "✗ down"}</span> ${cause ?? status}, ${latency} ms`,
    breaker === "closed" ? breakers.closed : html`<span class="bad">${breakers[breaker]}</span>`,
    count(hour.asked),
    hour.failed === 0 ? "0" : html`<span class="bad">${count(hour.failed)}</span>`,
    count(hour.answered),
    bytes(hour.down),
    bytes(hour.up),
  ]);
  const unasked = Array<string>(5).fill("");
  const own = ["the router itself", ...unasked, count(router.answered), bytes(router.down), bytes(router.up)];
  return html`${table({
    heading: "upstreams-heading",
    columns: ["name", "kind", "now", "breaker", "asked", "failed", "answered", "to clients", "from clients"],
    rows: [...rows, own],
  })}
<p class="faint">In the last hour: requests to the registry, how many of them failed, requests of clients that it answered, and their bytes.</p>`;
}

function renderNames({ restricted, decisions, shadows, box }: Names, now: number): Html {
  const whose = restricted ? html`<p class="faint">Only repositories that you may pull.</p>` : undefined;
  return html`${renderBox(box)}
<section aria-labelledby="decisions-heading">
<h2 id="decisions-heading">Latest decisions</h2>
${whose}
<div id="decisions">${renderDecisions(decisions, now)}</div>
</section>
<section aria-labelledby="shadows-heading">
<h2 id="shadows-heading">Shadowed tags</h2>
${whose}
<div id="shadows">${renderShadows(shadows)}</div>
</section>`;
}

function renderBox({ image, answer }: Box): Html {
  return html`<section aria-labelledby="explain-heading">
<h2 id="explain-heading">Explain an image</h2>
<form method="get" action="#explain-heading">
<div class="field">
<label for="image">Image, as docker takes it</label>
<input id="image" name="image" value="${image}" required placeholder="team/app:1.2" autocomplete="off" autocapitalize="none" spellcheck="false">
</div>
<button>Explain</button>
</form>
<div id="explanation" role="region" aria-label="Explanation" aria-live="polite">${
    answer === undefined
      ? html`<p class="faint">Shows where a pull comes from, where a push goes, and why. It asks the registries that a pull may ask.</p>`
      : renderBoxAnswer(answer)
  }</div>
</section>`;
}

function renderDecisions(decisions: readonly ShownDecision[], now: number): Html {
  if (decisions.length === 0) {
    return html`<p class="faint">None yet.</p>`;
  }
  return table({
    heading: "decisions-heading",
    columns: ["image", "request", "status", "answered by", "because", "when"],
    rows: decisions.map(({ of, what, status, upstream, reason, at }) => [
      shortDigest(of),
      html`<span class="whole">${what}</span>`,
      status < 500 ? status : html`<span class="bad">${status}</span>`,
      upstream,
      shortDigest(reason),
      html`<time class="whole" datetime="${new Date(at).toISOString()}">${ago(now - at)}</time>`,
    ]),
  });
}

function renderShadows(shadows: readonly FoundShadow[]): Html {
  if (shadows.length === 0) {
    return html`<p class="faint">None found: the router knows of no tag that is one image in the private registry and another in a cache.</p>`;
  }
  return html`<p>These tags are one image in the private registry and another in a cache. A rule with <code>pull: [hosted]</code> or
<code>owned: true</code> selects the private one.</p>
${table({
  heading: "shadows-heading",
  columns: ["tag", "private", "cache"],
  rows: shadows.map(({ repository, tag, hosted, proxy }) => [
    `${repository}:${tag}`,
    `${hosted.name}: ${shortDigest(hosted.digest)}`,
    `${proxy.name}: ${shortDigest(proxy.digest)}`,
  ]),
})}`;
}
