import { continuesFrom, firstNames, isAscending, type Names, probePlace } from "../protocol/lists.ts";
import { reportOf } from "../upstream/outcome.ts";
import {
  broken,
  type Failed,
  firstPage,
  type Page,
  pageAfter,
  pageAfterName,
  type Reading,
  type Refused,
  readPage,
} from "./page.ts";

/** A member's names after `last`. */
export type MemberList =
  | ({
      readonly outcome: "listed";
      /** Whether it said null. distribution says it also of a repository that it does not know. */
      readonly isNull: boolean;
    } & Names)
  | Refused;

// What one page of a client may cost a member.
const mostPages = 100;
// After so many pages, any names are enough: the client's next page goes on from there.
const enoughPages = 20;

/**
 * The first names of a member after `last`. If its first page is all there is, neither its order nor `last` matters. If there is
 * more, a member that keeps the order is asked only for the names after `last`, and any other is read as a whole. To read every
 * member as a whole would need no test of the order, but then a list of more than `mostPages` would fail.
 */
export async function listOf(reading: Reading): Promise<MemberList> {
  const first = await firstPage(reading);
  if (first.outcome !== "page") {
    return first;
  }
  const goesOn = pageAfter(reading, first) !== undefined && isAscending(first.names, reading.order);
  return (goesOn ? await readInOrder(reading, first) : undefined) ?? (await readWhole(reading, first));
}

/** Reads from `last` on. Undefined if the member turns out to have another order. */
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
      return tooLong();
    }
    const page: Page | Refused = await readPage(reading, next);
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
  return { outcome: "listed", isNull: first.isNull, names: names.slice(0, wanted), more };
}

/**
 * The first page of a member with another order may ascend by chance, and names would be lost where its pages end. So it is asked
 * for what comes after a place from which other orders go on differently.
 */
async function keepsOrder(reading: Reading, first: Page): Promise<boolean | Failed> {
  const place = probePlace(first.names, reading.kind);
  if (place === undefined) {
    return true;
  }
  const page = await readPage(reading, pageAfterName(reading, place, first));
  return page.outcome === "failed"
    ? page
    : page.outcome === "page" && continuesFrom(place, page.names, first.names, reading.order);
}

/** Reads all pages, and keeps the names that come first. */
async function readWhole(reading: Reading, first: Page): Promise<MemberList> {
  const { order, wanted } = reading;
  const asked = new Set<string>();
  let kept: Names = { names: [], more: false };
  let page = first;
  while (true) {
    const all = firstNames([...kept.names, ...shown(reading, page.names)], order, wanted);
    kept = { names: all.names, more: kept.more || all.more };
    if (page.next === undefined) {
      return { outcome: "listed", isNull: first.isNull, ...kept };
    }
    if (asked.has(page.next)) {
      return broken("its pages form a loop");
    }
    asked.add(page.next);
    if (asked.size === mostPages) {
      return tooLong();
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

/** The names after `last` that the client may see. */
function shown({ order, query, shows }: Reading, names: readonly string[]): string[] {
  return names.filter((name) => order(name, query.last) > 0 && shows(name));
}

function tooLong(): Failed {
  return broken(`its list has more than ${mostPages} pages to be read`);
}
