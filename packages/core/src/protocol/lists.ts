import { RegistryError } from "./errors.ts";
import { parseObject } from "./json.ts";

export type ListKind = "tags" | "catalog";

/** The query of a list request (distribution-spec 1.1, "Listing Tags"). */
export interface ListQuery {
  readonly limit: number;
  /** Only names after this one; empty for all. */
  readonly last: string;
  /** As the client sent it, for the link to the next page. */
  readonly n: string | undefined;
  /** The other parameters, byte for byte, without `?`. */
  readonly rest: string;
}

export interface Names {
  readonly names: readonly string[];
  /** Whether there may be others, all of them after the last of these. */
  readonly more: boolean;
}

/** The longest page. The specification lets a registry send fewer than `n` names with a `Link`. */
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
  const pairs = search.slice(1).split("&");
  return {
    limit: n === undefined ? mostNames : Math.min(Number(n), mostNames),
    last: query.get("last") ?? "",
    n,
    rest: pairs.filter((pair) => pair !== "" && !isAboutPage(pair)).join("&"),
  };
}

function isAboutPage(pair: string): boolean {
  const [name] = new URLSearchParams(pair).keys();
  return name === "n" || name === "last";
}

export function listSearch(
  { rest }: Pick<ListQuery, "rest">,
  page: { readonly last?: string | undefined; readonly n?: string | number | undefined },
): string {
  const pairs = rest === "" ? [] : [rest];
  if (page.last !== undefined) {
    pairs.push(`last=${encodeURIComponent(page.last)}`);
  }
  if (page.n !== undefined) {
    pairs.push(`n=${page.n}`);
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** The `Link` to the page that begins after `last` (RFC 8288). */
export function nextLink(path: string, query: ListQuery, last: string): string {
  // A `>` in the query would end the address.
  const search = listSearch(query, { last, n: query.n }).replace(/[<>]/g, encodeURIComponent);
  return `<${path}${search}>; rel="next"`;
}

/**
 * Null if the list is null or left out, as Go programs write an empty one; undefined if the body is not such a list.
 */
export function readNames(body: string, kind: ListKind): readonly string[] | null | undefined {
  const list = parseObject(body);
  const names = list?.[kind === "tags" ? "tags" : "repositories"];
  const isLeftOut =
    list !== undefined &&
    names === undefined &&
    (kind === "tags" ? typeof list.name === "string" : Object.keys(list).length === 0);
  if (names === null || isLeftOut) {
    return null;
  }
  return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
}

// distribution-spec 1.1, "Referrers Tag Schema", and what cosign writes: `sha256-<hex>.sig`, `.att`, `.sbom` and others.
const describingTag = /^[a-z][a-z0-9+_]*-[0-9a-f]{64,}(?:\.[\w.-]+)?$/i;

/** Whether a tag names an image. Some tags only hold what signs or describes a digest, which may be another registry's. */
export function namesAnImage(tag: string): boolean {
  return !describingTag.test(tag);
}

/** The tags in the beginning of a list, which may be cut anywhere. */
export function tagsInBeginning(text: string): string[] {
  const list = /"tags"\s*:\s*\[((?:\s*"[^"\\]*"\s*,?)*)/.exec(text)?.[1] ?? "";
  return [...list.matchAll(/"([^"\\]*)"/g)].flatMap(([, tag]) => (tag === undefined ? [] : [tag]));
}

/** Sorts names, drops duplicates, and keeps the first `count`. */
export function firstNames(names: readonly string[], order: NameOrder, count: number): Names {
  const sorted = [...new Set(names)].sort(order);
  return { names: sorted.slice(0, count), more: sorted.length > count };
}

/** A list with `more` may have any name after its last one, so the merged list ends there as well. */
export function mergeNames(lists: readonly Names[], order: NameOrder, count: number): Names {
  const [end] = lists.flatMap(({ names, more }) => (more ? [names.at(-1) ?? ""] : [])).sort(order);
  const all = lists.flatMap(({ names }) => names);
  const complete = all.filter((name) => end === undefined || order(name, end) <= 0);
  const first = firstNames(complete, order, count);
  return { names: first.names, more: first.more || end !== undefined };
}

/** Negative if `one` comes before `other`, 0 if they are equal. */
export type NameOrder = (one: string, other: string) => number;

/** distribution's order, also for `last`: tags by bytes; repositories by components, so that `a/...` comes before `a-b` and `a.b`. */
export function orderOf(kind: ListKind): NameOrder {
  return kind === "tags" ? byBytes : byComponents;
}

/** Whether names are unique, in order, and all after `last`. */
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
 * A value of `last` that tells a registry's order: one that sorts tags without regard to case, or repositories by bytes, continues
 * with another name after it. Undefined if these names are in the same order either way.
 */
export function probePlace(names: readonly string[], kind: ListKind): string | undefined {
  if (kind === "catalog") {
    const nested = names.find((name) => name.includes("/"));
    // By bytes, `a/...` comes after it.
    return nested === undefined ? undefined : `${nested.slice(0, nested.indexOf("/"))}.zzzz`;
  }
  const lower = names.find((name) => /^[^a-zA-Z]*[a-z]/.test(name));
  const name = lower ?? names.find((one) => /[A-Z]/.test(one));
  if (name === undefined) {
    return undefined;
  }
  const letter = name.search(/[a-zA-Z]/);
  // By bytes, lower case comes after "ZZZZ", and upper case before a lower-case letter.
  return name.slice(0, letter) + (lower === undefined ? name.charAt(letter).toLowerCase() : "ZZZZ");
}

/** Whether `names` can be what follows `place` in a list in this order that has the `known` names, which ascend. */
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
