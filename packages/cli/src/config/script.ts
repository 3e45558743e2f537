import { realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { property } from "../failure.ts";

const { cache } = createRequire(import.meta.url);
let loads = 0;

/** What a script exports, as it is now: Node itself would give what it was when it was loaded first. */
export async function loadScript(path: string): Promise<unknown> {
  const file = await realpath(path);
  loads += 1;
  // Modules are known by their URL, and those of CommonJS by their path.
  delete cache[file];
  return property(await import(`${pathToFileURL(file).href}?load=${loads}`), "default");
}
