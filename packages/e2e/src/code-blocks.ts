import { readFile } from "node:fs/promises";

/**
 * The one block of a language in a Markdown file.
 * @throws Error if there is not exactly one
 */
export async function codeBlock(page: string, language: string): Promise<string> {
  const text = await readFile(page, "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  const [block, ...others] = blocks.map(([, , content]) => content);
  if (block === undefined || others.length > 0) {
    throw new Error(`${page}: expected one block of ${language}, given ${blocks.length}`);
  }
  return block;
}
