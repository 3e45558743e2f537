import { valuesOf } from "../protocol/headers.ts";
import { type ListKind, type ListQuery, listSearch, type NameOrder, readNames } from "../protocol/lists.ts";
import { nextQuery } from "../protocol/locations.ts";
import { type QueryOutcome, reportOf } from "../upstream/outcome.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** How one member's list is read. */
export interface Reading {
  readonly member: Upstream;
  readonly kind: ListKind;
  readonly order: NameOrder;
  readonly query: ListQuery;
  /** How many names are enough. */
  readonly wanted: number;
  /** Whether the client may see a name. */
  shows(name: string): boolean;
  /** Asks the member with another query. */
  ask(search: string): Promise<QueryOutcome>;
}

/** The query for a page. */
export interface PageRequest {
  readonly search: string;
  /** The `n` in it, if the router put it there. */
  readonly n?: number | undefined;
}

/** One page of a member's list. */
export interface Page extends PageRequest {
  readonly outcome: "page";
  readonly names: readonly string[];
  /** Whether the member said null. distribution says it also of a repository that it does not know. */
  readonly isNull: boolean;
  /** The query of the next page, if the member links to one. */
  readonly next: string | undefined;
}

/** Any other answer. */
export type Refused = Exclude<QueryOutcome, { outcome: "found" }>;
/** The member failed. */
export type Failed = Extract<QueryOutcome, { outcome: "failed" }>;

// Bytes. distribution 2.8 sends all tags in one page.
const longestPage = 4 * 1024 * 1024;
// distribution takes no larger `n` unless it is configured to.
const pageSize = 1_000;
const smallestPage = 100;

/** The beginning of a member's list. */
export async function firstPage(reading: Reading): Promise<Page | Refused> {
  const search = listSearch(reading.query, { n: pageSize });
  const page = await readPage(reading, { search, n: pageSize });
  // A member that refuses this `n` has a page size of its own. And to a query with `n`, distribution 3 says null for a repository
  // that it does not know, where it says 404 without.
  const tellsNothing = page.outcome === "page" ? page.isNull : "answer" in page && page.answer.status === 400;
  return tellsNothing ? readPage(reading, { search: listSearch(reading.query, {}) }) : page;
}

/** Asks for one page. */
export async function readPage(reading: Reading, request: PageRequest): Promise<Page | Refused> {
  const { member, kind } = reading;
  const said = await reading.ask(request.search);
  if (said.outcome !== "found") {
    return said;
  }
  const { answer } = said;
  const body = await readUpTo(answer.body, longestPage, member.timeouts.idle);
  if (answer.status !== 200) {
    return { outcome: "failed", failure: reportOf(member, answer) };
  }
  if (body === undefined) {
    return broken(`its list broke off, or is longer than ${longestPage} bytes a page`);
  }
  const names = readNames(body.toString(), kind);
  if (names === undefined) {
    return broken("sent an invalid list");
  }
  const next = nextQuery(valuesOf(answer.headers, "link"));
  return { outcome: "page", ...request, names: names ?? [], isNull: names === null, next };
}

/** The page after one. A full page may not be the last, although the member links to no other. */
export function pageAfter({ query }: Reading, { names, n, next }: Page): PageRequest | undefined {
  if (next !== undefined) {
    return { search: next };
  }
  return n !== undefined && names.length === n
    ? { search: listSearch(query, { last: names.at(-1), n }), n }
    : undefined;
}

/** The page after a name, with `n` if the member took one before. */
export function pageAfterName({ query, wanted }: Reading, last: string, first: Page): PageRequest {
  const n = first.n === undefined ? undefined : Math.min(pageSize, Math.max(smallestPage, wanted));
  return { search: listSearch(query, { last, n }), n };
}

/** A failure of the member. */
export function broken(cause: string): Failed {
  return { outcome: "failed", failure: { kind: "broken", cause } };
}
