import { realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { property } from "../failure.ts";

const { cache } = createRequire(import.meta.url);
let loads = 0;

/** The default export of a script as the file is now. Node caches modules, so a plain import would return the first version again. */
export async function loadScript(path: string): Promise<unknown> {
  const file = await realpath(path);
  loads += 1;
  // Node caches ES modules by URL and CommonJS modules by path.
  delete cache[file];
  return property(await import(`${pathToFileURL(file).href}?load=${loads}`), "default");
}
