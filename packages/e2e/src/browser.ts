import { allowed } from "@combined-registry/deadline";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { placeOf } from "./search-path.ts";

/** A real browser. It ends with all its pages. */
export interface Browser extends AsyncDisposable {
  /** A page without history, cookies and passwords, in a window of its own. */
  open(options?: BrowserContextOptions): Promise<Watched>;
}

/** A page, and what went wrong on it. */
export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** Everything that the browser complains of: errors of scripts, violations of the policy, requests that failed, dialogs. */
  readonly problems: readonly string[];
}

// One that waits for nobody, and asks nobody on the network for anything by itself.
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const patience = allowed(30_000);

/** Starts the system's Chromium. playwright-core drives it: it brings no browser and no packages of its own. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = placeOf("chromium");
  if (executablePath === undefined) {
    throw new Error("there is no chromium");
  }
  const browser = await chromium.launch({ executablePath, headless: true, args: flags, timeout: patience });
  return {
    async open(options = {}) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(patience);
      const page = await context.newPage();
      return { page, problems: watch(page), [Symbol.asyncDispose]: () => context.close() };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

function watch(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "log") {
      problems.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`thrown: ${error.message}`));
  page.on("requestfailed", (request) => problems.push(`failed: ${request.url()}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return problems;
}
