import { RegistryError } from "./errors.ts";

/** The lists that are paged by name. */
export type ListKind = "tags" | "catalog";

/** What a client wants of a list (distribution-spec 1.1, "Listing Tags"). */
export interface ListQuery {
  /** How many names, at most. */
  readonly limit: number;
  /** Only names after this one; empty for all. */
  readonly last: string;
  /** `n` as the client gave it, for the link to the next page. */
  readonly n: string | undefined;
  /** Everything else in the query, byte for byte, without `?`. */
  readonly rest: string;
}

/** Names in order, each once. */
export interface Names {
  readonly names: readonly string[];
  /** Whether there may be others, all of them after the last of these. */
  readonly more: boolean;
}

/** Names in one answer, at most. The specification lets a registry send fewer than `n` with a `Link`. */
export const mostNames = 10_000;

/** @throws RegistryError PAGINATION_NUMBER_INVALID, as distribution does, unless `n` is 0 or more */
export function parseListQuery(search: string): ListQuery {
  const query = new URLSearchParams(search);
  const n = query.get("n") || undefined;
  if (n !== undefined && !/^\d+$/.test(n)) {
    throw new RegistryError("PAGINATION_NUMBER_INVALID", {
      message: "n is how many names to list, 0 or more",
      detail: { n: n.slice(0, 100) },
    });
  }
  const rest = search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !isAboutPage(pair))
    .join("&");
  return {
    limit: n === undefined ? mostNames : Math.min(Number(n), mostNames),
    last: query.get("last") ?? "",
    n,
    rest,
  };
}

/** The query that asks for a page. */
export function listSearch(
  { rest }: Pick<ListQuery, "rest">,
  page: { readonly last?: string | undefined; readonly n?: string | number | undefined },
): string {
  const last = page.last === undefined ? [] : [`last=${encodeURIComponent(page.last)}`];
  const n = page.n === undefined ? [] : [`n=${page.n}`];
  const pairs = [...(rest === "" ? [] : [rest]), ...last, ...n];
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** The `Link` to the page after one that ends with `last` (RFC 8288). */
export function nextLink(path: string, query: ListQuery, last: string): string {
  // A `>` in the query would end the address.
  const search = listSearch(query, { last, n: query.n }).replace(/[<>]/g, encodeURIComponent);
  return `<${path}${search}>; rel="next"`;
}

/** The names in an answer; null if it says null, as Go programs do for an empty list; undefined if it is no such list. */
export function readNames(body: string, kind: ListKind): readonly string[] | null | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) {
    return undefined;
  }
  const names: unknown = Reflect.get(parsed, kind === "tags" ? "tags" : "repositories");
  if (names === null) {
    return null;
  }
  return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
}

/** The first of the names, put in order, each once. */
export function firstNames(names: readonly string[], order: NameOrder, count: number): Names {
  const sorted = [...new Set(names)].sort(order);
  return { names: sorted.slice(0, count), more: sorted.length > count };
}

/**
 * Several lists as one. A list that has `more` may have any name after its last one, so the merged list ends there as well.
 */
export function mergeNames(lists: readonly Names[], order: NameOrder, count: number): Names {
  const ends = lists.flatMap(({ names, more }) => (more ? [names.at(-1) ?? ""] : [])).sort(order);
  const [end] = ends;
  const known = lists
    .flatMap(({ names }) => names)
    .filter((name) => end === undefined || order(name, end) <= 0);
  const first = firstNames(known, order, count);
  return { names: first.names, more: first.more || end !== undefined };
}

function isAboutPage(pair: string): boolean {
  const [name] = new URLSearchParams(pair).keys();
  return name === "n" || name === "last";
}

/** Negative if `one` comes before `other`, 0 if they are the same. */
export type NameOrder = (one: string, other: string) => number;

/**
 * distribution's order, also for `last`: tags by their bytes, repositories component by component, so that all of `a/...` comes
 * before `a-b` and `a.b`.
 */
export function orderOf(kind: ListKind): NameOrder {
  return kind === "tags" ? byBytes : byComponents;
}

/** Whether names are in order, each once, and all after `last`. */
export function isAscending(names: readonly string[], order: NameOrder, last = ""): boolean {
  let before = last;
  for (const name of names) {
    if (order(before, name) >= 0) {
      return false;
    }
    before = name;
  }
  return true;
}

/**
 * A place in a list with these names from which a registry with another order continues with another name: one that sorts tags
 * without regard to case, or repositories by their bytes. Undefined if the names are the same in both orders.
 */
export function probePlace(names: readonly string[], kind: ListKind): string | undefined {
  if (kind === "catalog") {
    const nested = names.find((name) => name.includes("/"));
    // By bytes, `a/...` comes after it.
    return nested === undefined ? undefined : `${nested.slice(0, nested.indexOf("/"))}.zzzz`;
  }
  const lower = names.find((name) => /^[^a-zA-Z]*[a-z]/.test(name));
  const telling = lower ?? names.find((name) => /[A-Z]/.test(name));
  if (telling === undefined) {
    return undefined;
  }
  const letter = telling.search(/[a-zA-Z]/);
  // By bytes, lower case comes after the former and upper case before the latter.
  const place = lower === undefined ? telling.charAt(letter).toLowerCase() : "ZZZZ";
  return telling.slice(0, letter) + place;
}

/** Whether `names` are what follows a place, in a list in this order that has the `known` names. These ascend. */
export function continuesFrom(
  place: string,
  names: readonly string[],
  known: readonly string[],
  order: NameOrder,
): boolean {
  const next = known.find((name) => order(name, place) > 0);
  const [first] = names;
  const skips = next !== undefined && (first === undefined || order(first, next) > 0);
  return !skips && isAscending(names, order, place);
}

function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function byComponents(one: string, other: string): number {
  return byBytes(one.replaceAll("/", "\0"), other.replaceAll("/", "\0"));
}
