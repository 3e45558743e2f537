import type { ListKind } from "./lists.ts";

/** Negative if `one` stands before `other`, 0 if they are the same. */
export type NameOrder = (one: string, other: string) => number;

/**
 * The order in which distribution lists, and in which it understands `last`: tags by their bytes; repositories
 * component by component, so that all of `a/...` comes before `a-b` and `a.b`.
 */
export function orderOf(kind: ListKind): NameOrder {
  return kind === "tags" ? byBytes : byComponents;
}

/** Whether names stand in order, each once, and all after `last`. */
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
 * A place in a list from which a registry goes on otherwise if its order is another one, even if these names stand in both:
 * tags regardless of case, repositories by their bytes. Undefined if none of the names would tell.
 */
export function tellingPlace(names: readonly string[], kind: ListKind): string | undefined {
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

/** Whether names are what comes after a place in the order, in a list that has the `known` ones, which ascend. */
export function goesOnFrom(
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
