/**
 * What a browser adds where scripts run: answers without a new page, and buttons that copy. Everything that it shows comes from the
 * server as markup of this same page.
 */
export const script = `
"use strict";
const said = document.getElementById("said");
const every = document.getElementById("every");
let asking = new AbortController();
let refreshing;

function reveal(part) {
  for (const control of part.querySelectorAll("[data-script]")) control.hidden = false;
}

async function load(query, signal) {
  const answer = await fetch(query, { headers: { Accept: "text/html" }, signal });
  if (!answer.ok) throw new Error("the router answered " + answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function take(page, ids) {
  for (const id of ids) {
    const here = document.getElementById(id);
    const there = page.getElementById(id);
    if (here && there) {
      here.replaceChildren(...there.childNodes);
      reveal(here);
    }
  }
}

// One at a time: what is slow must not be asked ever more.
function refresh() {
  refreshing ??= refreshNow().finally(() => { refreshing = undefined; });
  return refreshing;
}

async function refreshNow() {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error("no answer within 30 s")), 30000);
  try {
    take(await load("?", late.signal), ["state", "upstreams", "decisions", "shadows"]);
    return "";
  } catch (error) {
    return "Not refreshed: " + error.message;
  } finally {
    clearTimeout(timer);
  }
}

async function explain(form) {
  const place = document.getElementById("explanation");
  const query = "?" + new URLSearchParams(new FormData(form));
  asking.abort();
  const mine = asking = new AbortController();
  said.textContent = "Asking the registries";
  place.setAttribute("aria-busy", "true");
  try {
    take(await load(query, mine.signal), ["explanation"]);
    history.replaceState(null, "", query);
    said.textContent = "";
  } catch (error) {
    if (mine.signal.aborted) return;
    said.textContent = "Not explained: " + error.message;
  }
  place.removeAttribute("aria-busy");
}

function copy(code) {
  // Over plain HTTP browsers have no clipboard, but a selection that can be copied.
  if (navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
  getSelection().selectAllChildren(code);
  return document.execCommand("copy") ? Promise.resolve() : Promise.reject(new Error("the browser does not let it"));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-script], a[data-refresh]");
  if (!button) return;
  event.preventDefault();
  if (button.matches("a")) {
    said.textContent = "Refreshing";
    said.textContent = (await refresh()) || "Refreshed";
    return;
  }
  try {
    await copy(document.getElementById(button.dataset.copies));
    said.textContent = "Copied";
  } catch (error) {
    said.textContent = "Not copied: " + error.message;
  }
});

document.querySelector("form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  void explain(event.target);
});

setInterval(async () => {
  if (!every.checked || document.hidden || refreshing) return;
  const trouble = await refresh();
  // Else it says something about what the person does.
  if (trouble || said.textContent.startsWith("Not refreshed")) said.textContent = trouble;
}, 10000);
reveal(document);
`;
