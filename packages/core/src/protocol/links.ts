/** The target of `rel="next"` among `Link` values (RFC 8288), or undefined on the last page. */
export function nextPage(links: readonly string[]): string | undefined {
  for (const link of links) {
    const next = /<([^<>]*)>\s*;[^<]*\brel\s*=\s*"?next"?/i.exec(link);
    if (next?.[1] !== undefined) {
      return next[1];
    }
  }
  return undefined;
}

/**
 * `?` and what follows in the address of the next page. Nothing else of it is used: a member cannot send the router anywhere
 * else.
 */
export function nextQuery(links: readonly string[]): string | undefined {
  const next = nextPage(links);
  const question = next?.indexOf("?") ?? -1;
  return next === undefined || question === -1 ? undefined : next.slice(question);
}
