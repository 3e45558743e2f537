import { createHash } from "node:crypto";
import type { RawHeaders } from "../protocol/headers.ts";
import { Html, html } from "./html.ts";
import { pageVaries } from "./wanted.ts";

/**
 * With scripts, the page is updated in place and commands can be copied; without scripts, links and the form still work. Everything
 * that the script shows is markup of this same page from the server.
 */
export const script = `
"use strict";
const notice = document.getElementById("notice");
const every = document.getElementById("every");
let explaining = new AbortController();
let refreshing;

function reveal(part) {
  for (const control of part.querySelectorAll("[data-script]")) control.hidden = false;
}

// Fetches the page again and replaces the parts with these ids.
async function update(query, signal, ...ids) {
  const answer = await fetch(query, { headers: { Accept: "text/html" }, signal });
  if (!answer.ok) throw new Error("the router answered " + answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const shown = document.getElementById(id);
    const fetched = page.getElementById(id);
    if (shown && fetched) {
      shown.replaceChildren(...fetched.childNodes);
      reveal(shown);
    }
  }
}

// One refresh at a time, so that a slow router does not get more and more requests.
function refresh() {
  refreshing ??= refreshNow().finally(() => { refreshing = undefined; });
  return refreshing;
}

async function refreshNow() {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error("timeout after 30 s")), 30000);
  try {
    await update("?", timeout.signal, "state", "upstreams", "decisions", "shadows");
    return "";
  } catch (error) {
    return "Not refreshed: " + error.message;
  } finally {
    clearTimeout(timer);
  }
}

async function explain(form) {
  const region = document.getElementById("explanation");
  const query = "?" + new URLSearchParams(new FormData(form));
  explaining.abort();
  const own = explaining = new AbortController();
  notice.textContent = "Asking the registries";
  region.setAttribute("aria-busy", "true");
  try {
    await update(query, own.signal, "explanation");
    history.replaceState(null, "", query);
    notice.textContent = "";
  } catch (error) {
    if (own.signal.aborted) return;
    notice.textContent = "Not explained: " + error.message;
  }
  region.removeAttribute("aria-busy");
}

function copy(code) {
  // Over plain HTTP browsers have no clipboard API, but can copy a selection.
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  getSelection().selectAllChildren(code);
  return document.execCommand("copy") ? Promise.resolve() : Promise.reject(new Error("the browser does not allow it"));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-script], a[data-refresh]");
  if (!button) return;
  event.preventDefault();
  if (button.matches("a")) {
    notice.textContent = "Refreshing";
    notice.textContent = (await refresh()) || "Refreshed";
    return;
  }
  try {
    await copy(document.getElementById(button.dataset.copies));
    notice.textContent = "Copied";
  } catch (error) {
    notice.textContent = "Not copied: " + error.message;
  }
});

document.querySelector("form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  void explain(event.target);
});

setInterval(async () => {
  if (!every.checked || document.hidden || refreshing) return;
  const failure = await refresh();
  // Any other message is about an action of the user, and stays.
  if (failure || notice.textContent.startsWith("Not refreshed")) notice.textContent = failure;
}, 10000);
reveal(document);
`;

export const style = `
:root { color-scheme: light dark; --back: #fff; --raised: #f6f8fa; --text: #1f2328; --faint: #59636e; --line: #d1d9e0;
  --link: #0550ae; --good: #116329; --bad: #b42318; --note: #7d4e00; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --raised: #161b22; --text: #e6edf3; --faint: #9ea7b3; --line: #3d444d;
    --link: #6cb6ff; --good: #56d364; --bad: #ff8a80; --note: #e3b341; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
p { margin: .25rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.faint { color: var(--faint); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.note { color: var(--note); font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 400; white-space: nowrap; }
.whole { white-space: nowrap; }
tbody th { font-weight: 600; }
form { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem; }
.field { flex: 1 1 16rem; }
label { display: block; }
input[name=image] { width: 100%; }
input, button { min-height: 2.5rem; padding: .25rem .75rem; border: 1px solid var(--faint); border-radius: .375rem;
  background: var(--raised); color: inherit; font: inherit; }
input[type=checkbox] { min-height: 0; }
button { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--faint); }
dd { margin: 0; }
.command { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin: .5rem 0; }
.command code { flex: 1 1 16rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .375rem;
  background: var(--raised); }
code { font: .875rem/1.5 ui-monospace, monospace; }
footer { margin-top: 2rem; color: var(--faint); font-size: .875rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none; }
@media (max-width: 56rem) {
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  th, td { padding: 0; border: 0; }
  td { position: relative; padding-left: 7rem; }
  td:empty { display: none; }
  td::before { content: attr(data-column); position: absolute; left: 0; color: var(--faint); }
}
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const policy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "connect-src 'self'",
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The content security policy allows this script and this style sheet by their hashes, and nothing else. */
export const documentHeaders: RawHeaders = Object.entries({
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": policy,
  ...pageVaries,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
}).flat();

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%230969da' d='M1 3h14v4H1zm0 6h6v4H1zm8 0h6v4H9z'/%3E%3C/svg%3E";

export function renderDocument(body: Html): string {
  // Style and script are not escaped: both are constants of this file, and the policy has the hashes of exactly these texts.
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Combined Registry</title>
<link rel="icon" href="${icon}">
<style>${new Html(style)}</style>
</head>
<body>
${body}
<script>${new Html(script)}</script>
</body>
</html>
`.markup;
}
