import { valuesOf } from "../protocol/headers.ts";
import {
  firstNames,
  goesOnFrom,
  isAscending,
  type ListKind,
  type ListQuery,
  listSearch,
  type NameOrder,
  type Names,
  readNames,
  tellingPlace,
} from "../protocol/lists.ts";
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
  /** Whether a name counts. */
  shows(name: string): boolean;
  /** Puts the question to the member with another query. */
  ask(search: string): Promise<QueryOutcome>;
}

/** What a member has after `last`. */
export type MemberList =
  | ({
      readonly outcome: "listed";
      /** Whether it said null, which distribution says as well of a repository that it does not know. */
      readonly isNull: boolean;
    } & Names)
  | Refused;

type Refused = Exclude<QueryOutcome, { outcome: "found" }>;
type Failed = Extract<QueryOutcome, { outcome: "failed" }>;

interface PageRequest {
  readonly search: string;
  /** The `n` in it, where it was put there here. */
  readonly n?: number | undefined;
}

interface Page extends PageRequest {
  readonly outcome: "page";
  readonly names: readonly string[];
  readonly isNull: boolean;
  /** The query of the next page, if the member links to one. */
  readonly next: string | undefined;
}

// What one member may cost. distribution takes no `n` above 1000 unless it is configured to, and 2.8 sends all tags at once.
const longestPage = 4 * 1024 * 1024;
const pageSize = 1_000;
const smallestPage = 100;
const mostPages = 100;
// With some names at hand, so many pages are enough: the client's next page goes on from there.
const enoughPages = 20;

/**
 * The first names that a member has after `last`. Its first page is looked at in any case: if that is all there is, neither
 * the order nor `last` means anything; and only of a member that keeps the order can names after `last` be asked for. One that
 * does not is read as a whole.
 */
export async function listOf(reading: Reading): Promise<MemberList> {
  const first = await firstPage(reading);
  if (first.outcome !== "page") {
    return first;
  }
  const paged = following(reading, first) !== undefined && isAscending(first.names, reading.order);
  return (paged ? await inOrder(reading, first) : undefined) ?? (await whole(reading, first));
}

/** Reads on page by page. Undefined if the member turns out to have an order of its own. */
async function inOrder(reading: Reading, first: Page): Promise<MemberList | undefined> {
  const { order, query, wanted } = reading;
  const kept = await keepsOrder(reading, first);
  if (kept !== true) {
    return kept === false ? undefined : kept;
  }
  const names = counting(reading, first.names);
  let end = first.names.at(-1) ?? "";
  let next = following(reading, first);
  if (order(query.last, end) > 0) {
    next = after(reading, query.last, first);
    end = query.last;
  }
  for (let pages = 1; next !== undefined && names.length < wanted; pages++) {
    if (names.length > 0 && pages >= enoughPages) {
      break;
    }
    if (pages === mostPages) {
      return tooLong();
    }
    const page: Page | Refused = await pageOf(reading, next);
    if (page.outcome === "failed") {
      return page;
    }
    if (page.outcome !== "page" || !isAscending(page.names, order, end)) {
      return undefined;
    }
    names.push(...counting(reading, page.names));
    end = page.names.at(-1) ?? end;
    next = following(reading, page);
  }
  const enough = { names: names.slice(0, wanted), more: names.length > wanted || next !== undefined };
  return { outcome: "listed", isNull: first.isNull, ...enough };
}

/**
 * The first page may ascend by chance: what the member says to come after a well-chosen place is looked at as well. Otherwise
 * names would be lost where its pages end.
 */
async function keepsOrder(reading: Reading, first: Page): Promise<boolean | Failed> {
  const place = tellingPlace(first.names, reading.kind);
  if (place === undefined) {
    return true;
  }
  const page = await pageOf(reading, after(reading, place, first));
  return page.outcome === "failed"
    ? page
    : page.outcome === "page" && goesOnFrom(place, page.names, first.names, reading.order);
}

/** Reads everything, and keeps what comes first. */
async function whole(reading: Reading, first: Page): Promise<MemberList> {
  const { order, wanted } = reading;
  const asked = new Set<string>();
  let kept: Names = { names: [], more: false };
  let page = first;
  while (true) {
    const all = firstNames([...kept.names, ...counting(reading, page.names)], order, wanted);
    kept = { names: all.names, more: kept.more || all.more };
    if (page.next === undefined) {
      return { outcome: "listed", isNull: first.isNull, ...kept };
    }
    if (asked.has(page.next)) {
      return broken("its pages lead back to themselves");
    }
    asked.add(page.next);
    if (asked.size === mostPages) {
      return tooLong();
    }
    const next = await pageOf(reading, { search: page.next });
    if (next.outcome !== "page") {
      return next.outcome === "failed"
        ? next
        : { outcome: "failed", failure: reportOf(reading.member, next.answer) };
    }
    page = next;
  }
}

async function firstPage(reading: Reading): Promise<Page | Refused> {
  const search = listSearch(reading.query, { n: pageSize });
  const page = await pageOf(reading, { search, n: pageSize });
  // Where it takes no `n` as large as this, it has a page size of its own. And in pages distribution 3 says `null` as well of a
  // repository that it does not know.
  const tellsNothing = page.outcome === "page" ? page.isNull : "answer" in page && page.answer.status === 400;
  return tellsNothing ? pageOf(reading, { search: listSearch(reading.query, {}) }) : page;
}

async function pageOf(reading: Reading, question: PageRequest): Promise<Page | Refused> {
  const { member, kind } = reading;
  const said = await reading.ask(question.search);
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
    return broken("sent a list that is none");
  }
  const next = nextQuery(valuesOf(answer.headers, "link"));
  return { outcome: "page", ...question, names: names ?? [], isNull: names === null, next };
}

/** Where a list goes on. A page that is full may not be the last, although the member links to no other. */
function following({ query }: Reading, { names, n, next }: Page): PageRequest | undefined {
  if (next !== undefined) {
    return { search: next };
  }
  return n !== undefined && names.length === n
    ? { search: listSearch(query, { last: names.at(-1), n }), n }
    : undefined;
}

/** Asks for what comes after a name, with `n` if the member took one before. */
function after({ query, wanted }: Reading, last: string, first: Page): PageRequest {
  const n = first.n === undefined ? undefined : Math.min(pageSize, Math.max(smallestPage, wanted));
  return { search: listSearch(query, { last, n }), n };
}

function counting({ order, query, shows }: Reading, names: readonly string[]): string[] {
  return names.filter((name) => order(name, query.last) > 0 && shows(name));
}

function tooLong(): Failed {
  return broken(`its list has more than ${mostPages} pages to be read`);
}

function broken(cause: string): Failed {
  return { outcome: "failed", failure: { kind: "broken", cause } };
}
