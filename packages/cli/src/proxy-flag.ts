/** A proxy in one word. */
export type ProxyWord = string | { readonly name: string; readonly url: string };

/** Reads a URL or name=URL; undefined if the name is missing. */
export function parseProxy(word: string): ProxyWord | undefined {
  // A name cannot hold what every URL holds before any "=".
  const [, name, url = ""] = /^([^=:/]*)=(.*)$/s.exec(word) ?? [];
  if (name === "") {
    return undefined;
  }
  return name === undefined ? word : { name, url };
}
