import { valuesOf } from "../protocol/headers.ts";
import {
  continuesFrom,
  firstNames,
  isAscending,
  type ListKind,
  type ListQuery,
  listSearch,
  type NameOrder,
  type Names,
  namesAnImage,
  probePlace,
  readNames,
} from "../protocol/lists.ts";
import { nextQuery } from "../protocol/locations.ts";
import { broken, type FailedQuery, type QueryOutcome, reportOf } from "../upstream/query-outcome.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

interface Reading {
  readonly member: Upstream;
  readonly kind: ListKind;
  readonly order: NameOrder;
  readonly query: ListQuery;
  /** After so many names, no further page is read. */
  readonly wanted: number;
  shows(name: string): boolean;
  send(search: string): Promise<QueryOutcome>;
}

export type MemberList =
  | ({
      readonly outcome: "listed";
      /** Whether the list names nothing of the member's own: registries also send such a list for an unknown repository. */
      readonly isEmpty: boolean;
    } & Names)
  | NoPage;

type NoPage = Exclude<QueryOutcome, { outcome: "found" }>;

interface PageRequest {
  readonly search: string;
  /** The `n` in `search`, if the router put it there. */
  readonly n?: number | undefined;
}

interface Page extends PageRequest {
  readonly outcome: "page";
  readonly names: readonly string[];
  readonly isNull: boolean;
  readonly next: string | undefined;
}

// Requests to one member for one page of a client.
const mostPages = 100;
// After so many pages, any number of names is enough: the client's next page continues there.
const enoughPages = 20;
// Bytes. distribution 2.8 sends all tags in one page.
const longestPage = 4 * 1024 * 1024;
// By default, distribution rejects a larger `n`.
const pageSize = 1_000;
const smallestPage = 100;
const tooLong = `its list has more than ${mostPages} pages to be read`;

/**
 * The first names of a member after `last`. If its first page is the whole list, neither its order nor `last` matters. Otherwise, a
 * member that keeps the order is asked only for the names after `last`, and any other list is read as a whole. Reading every list as
 * a whole would need no test of the order, but then a list of more than `mostPages` would fail.
 */
export async function listOf(reading: Reading): Promise<MemberList> {
  const first = await firstPage(reading);
  if (first.outcome !== "page") {
    return first;
  }
  const isPart = pageAfter(reading, first) !== undefined && isAscending(first.names, reading.order);
  return (isPart ? await readInOrder(reading, first) : undefined) ?? (await readWhole(reading, first));
}

/** Reads from `last` on. Undefined if the member has another order after all. */
async function readInOrder(reading: Reading, first: Page): Promise<MemberList | undefined> {
  const { order, query, wanted } = reading;
  const kept = await keepsOrder(reading, first);
  if (kept !== true) {
    return kept === false ? undefined : kept;
  }
  const names = shown(reading, first.names);
  let end = first.names.at(-1) ?? "";
  let next = pageAfter(reading, first);
  if (order(query.last, end) > 0) {
    next = pageAfterName(reading, query.last, first);
    end = query.last;
  }
  for (let pages = 1; next !== undefined && names.length < wanted; pages++) {
    if (names.length > 0 && pages >= enoughPages) {
      break;
    }
    if (pages === mostPages) {
      return broken(tooLong);
    }
    const page: Page | NoPage = await readPage(reading, next);
    if (page.outcome === "failed") {
      return page;
    }
    if (page.outcome !== "page" || !isAscending(page.names, order, end)) {
      return undefined;
    }
    names.push(...shown(reading, page.names));
    end = page.names.at(-1) ?? end;
    next = pageAfter(reading, page);
  }
  const more = names.length > wanted || next !== undefined;
  return { outcome: "listed", isEmpty: isEmpty(reading, first), names: names.slice(0, wanted), more };
}

/**
 * The first page of a member with another order may ascend by chance, and names would be lost at the end of its pages. So it is
 * asked for the names after a place at which other orders continue differently.
 */
async function keepsOrder(reading: Reading, first: Page): Promise<boolean | FailedQuery> {
  const place = probePlace(first.names, reading.kind);
  if (place === undefined) {
    return true;
  }
  const page = await readPage(reading, pageAfterName(reading, place, first));
  return page.outcome === "failed"
    ? page
    : page.outcome === "page" && continuesFrom(place, page.names, first.names, reading.order);
}

async function readWhole(reading: Reading, first: Page): Promise<MemberList> {
  const { order, wanted } = reading;
  const asked = new Set<string>();
  let kept: Names = { names: [], more: false };
  let page = first;
  while (true) {
    const { names, more } = firstNames([...kept.names, ...shown(reading, page.names)], order, wanted);
    kept = { names, more: kept.more || more };
    if (page.next === undefined) {
      return { outcome: "listed", isEmpty: isEmpty(reading, first), ...kept };
    }
    if (asked.has(page.next)) {
      return broken("its pages form a loop");
    }
    asked.add(page.next);
    if (asked.size === mostPages) {
      return broken(tooLong);
    }
    const next = await readPage(reading, { search: page.next });
    if (next.outcome !== "page") {
      return next.outcome === "failed"
        ? next
        : { outcome: "failed", failure: reportOf(reading.member, next.answer) };
    }
    page = next;
  }
}

/** A list of more than one page names something, and so does any catalog. */
function isEmpty({ kind }: Reading, { names, next }: Page): boolean {
  return kind === "tags" && next === undefined && !names.some(namesAnImage);
}

function shown({ order, query, shows }: Reading, names: readonly string[]): string[] {
  return names.filter((name) => order(name, query.last) > 0 && shows(name));
}

async function firstPage(reading: Reading): Promise<Page | NoPage> {
  const search = listSearch(reading.query, { n: pageSize });
  const page = await readPage(reading, { search, n: pageSize });
  // A member that rejects this `n` has a page size of its own. For an unknown repository, distribution 3 sends null to a query with
  // `n`, and 404 to one without.
  const isVague = page.outcome === "page" ? page.isNull : "answer" in page && page.answer.status === 400;
  return isVague ? readPage(reading, { search: listSearch(reading.query, {}) }) : page;
}

async function readPage(reading: Reading, request: PageRequest): Promise<Page | NoPage> {
  const { member, kind } = reading;
  const said = await reading.send(request.search);
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

/** A full page may not be the last one, although the member links to no other. */
function pageAfter({ query }: Reading, { names, n, next }: Page): PageRequest | undefined {
  if (next !== undefined) {
    return { search: next };
  }
  return n !== undefined && names.length === n
    ? { search: listSearch(query, { last: names.at(-1), n }), n }
    : undefined;
}

/** The page after a name, with `n` if the member took one before. */
function pageAfterName({ query, wanted }: Reading, last: string, first: Page): PageRequest {
  const n = first.n === undefined ? undefined : Math.min(pageSize, Math.max(smallestPage, wanted));
  return { search: listSearch(query, { last, n }), n };
}
