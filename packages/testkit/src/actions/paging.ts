import type { Context } from "../http/context.ts";

/** One page of a list. */
export interface Page {
  readonly entries: readonly string[];
  /** `Link`, if there are more. */
  readonly headers: Readonly<Record<string, string>>;
}

// A registry with pages by cursor sends no more than this, whatever `n` says.
const cursorPage = 100;

/** Negative if `one` stands before `other`. */
export type Order = (one: string, other: string) => number;

/**
 * What a registry answers of a list, in the manner that its options ask for.
 * @param all as they were added
 * @param order that of `sorted`
 */
export function pageOf(
  { options, query }: Context,
  all: readonly string[],
  order: Order,
  path: string,
): Page {
  switch (options.lists ?? "sorted") {
    case "sorted":
      return pageAfter(query, all, order, path);
    case "case-insensitive":
      return pageAfter(query, all, ignoringCase, path);
    case "whole":
      return { entries: all, headers: {} };
    case "cursor":
      return pageAt(query, all, path);
  }
}

function pageAfter(query: URLSearchParams, all: readonly string[], order: Order, path: string): Page {
  const last = query.get("last");
  const rest = all.filter((entry) => last === null || order(entry, last) > 0).sort(order);
  const limit = query.get("n") === null ? rest.length : Number(query.get("n"));
  const entries = rest.slice(0, limit);
  const end = entries.at(-1);
  return entries.length < rest.length && end !== undefined
    ? { entries, headers: { Link: `<${path}?last=${encodeURIComponent(end)}&n=${limit}>; rel="next"` } }
    : { entries, headers: {} };
}

function pageAt(query: URLSearchParams, all: readonly string[], path: string): Page {
  const start = Number(query.get("cursor") ?? 0);
  const end = start + Math.min(cursorPage, Number(query.get("n") ?? cursorPage));
  const headers: Record<string, string> =
    end < all.length ? { Link: `<https://elsewhere.invalid${path}?cursor=${end}>; rel="next"` } : {};
  return { entries: all.slice(start, end), headers };
}

/** The order of tags. */
export function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The order of distribution's catalog: all of `a/...` before `a-b`. */
export function byComponents(one: string, other: string): number {
  return byBytes(one.replaceAll("/", "\0"), other.replaceAll("/", "\0"));
}

function ignoringCase(one: string, other: string): number {
  return byBytes(one.toLowerCase(), other.toLowerCase()) || byBytes(one, other);
}
