import { pairs, type RawHeaders } from "./headers.ts";

/** The names on a page of the catalog; undefined if it is none. */
export function readCatalog(text: string): readonly string[] | undefined {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof page !== "object" || page === null || !("repositories" in page)) {
    return undefined;
  }
  // Go writes an empty list as null.
  const names: unknown = page.repositories ?? [];
  return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
}

/** The query of the page that `Link` calls the next one: all of its address that is used. */
export function querySearch(target: string): string | undefined {
  const question = target.indexOf("?");
  return question === -1 ? undefined : target.slice(question);
}

/**
 * Has the next page begin after `to` instead of after one of the names in `hidden`, which `Link` would give away: what stands
 * between them is hidden as well, and a registry that begins after any name goes by the names' order.
 */
export function movedCursor(headers: RawHeaders, hidden: ReadonlySet<string>, to: string): string[] {
  const moved: string[] = [];
  for (const [name, value] of pairs(headers)) {
    const isLink = name.toLowerCase() === "link";
    moved.push(
      name,
      isLink ? value.replace(/<([^<>]*)>/g, (_, target: string) => `<${moveIn(target, hidden, to)}>`) : value,
    );
  }
  return moved;
}

function moveIn(target: string, hidden: ReadonlySet<string>, to: string): string {
  const search = querySearch(target);
  if (search === undefined) {
    return target;
  }
  const query = new URLSearchParams(search);
  if (!hidden.has(query.get("last") ?? "")) {
    return target;
  }
  query.set("last", to);
  return `${target.slice(0, -search.length)}?${query}`;
}
