import { type RawHeaders, valuesOf } from "../protocol/headers.ts";
import { listSearch, namesAnImage, readNames } from "../protocol/lists.ts";
import { nextQuery } from "../protocol/locations.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";

/** Bytes of one page. distribution 2.8 sends all tags in one page. */
export const longestTagPage = 4 * 1024 * 1024;

// One tag is enough as a rule, and few repositories have a hundred signatures before their first image by name.
const firstPageSize = 100;
// By default, distribution rejects a larger `n`.
const pageSize = 1_000;
const mostPages = 100;

interface TagPage {
  readonly headers: RawHeaders;
  /** Undefined if the page is longer than `longestTagPage`. */
  readonly body: string | undefined;
}

/** One page of tags, or why there is none. `rejected` is a 400, which some registries answer to any `n`. */
export type TagPageAnswer<E> = { readonly page: TagPage } | { readonly rejected: E } | { readonly end: E };

export type ImageTagSearch<E> =
  | { readonly found: boolean }
  /** Why the pages do not tell, in words for people. */
  | { readonly problem: string }
  | { readonly end: E };

/** A repository that no registry has. */
export const unknownRepository = "combined-registry-check/nothing";

/** @param isUnknown whether to ask for `unknownRepository` instead */
type ReadTags<E> = (search: string, isUnknown: boolean) => Promise<TagPageAnswer<E>>;

/**
 * Whether a repository has a tag that names an image. Registries such as olareg answer an unknown repository with an empty list, and
 * tags that sign or describe an image of another registry do not make this registry its home. Reads page after page until one such
 * tag is found.
 */
export async function searchImageTag<E>(read: ReadTags<E>): Promise<ImageTagSearch<E>> {
  const asked = new Set<string>();
  let n: number | undefined = firstPageSize;
  let search = listSearch({ rest: "" }, { n });
  for (let pages = 0; pages < mostPages; pages++) {
    let answer = await read(search, false);
    if ("rejected" in answer && pages === 0) {
      n = undefined;
      answer = await read("", false);
    }
    if (!("page" in answer)) {
      return { end: "end" in answer ? answer.end : answer.rejected };
    }
    const { headers, body } = answer.page;
    if (body === undefined) {
      // A list of so many tags is no list of signatures alone.
      return { found: true };
    }
    const names = readNames(body, "tags");
    if (names === undefined) {
      return { problem: "sent an invalid list of tags" };
    }
    if (names?.some(namesAnImage)) {
      return { found: true };
    }
    const next = nextQuery(valuesOf(headers, "link")) ?? pageAfter(names ?? [], n);
    if (next === undefined) {
      return names === null && pages === 0 ? searchWithoutTags(read) : { found: false };
    }
    if (asked.has(next)) {
      return { problem: "its pages of tags form a loop" };
    }
    asked.add(next);
    search = next;
    n = n === undefined ? undefined : pageSize;
  }
  return { problem: `the first ${mostPages} pages of its tags, which are read at most, name no image` };
}

/**
 * distribution has null for a repository whose last tag was deleted, and for an unknown one if `n` is given. Other registries have null
 * for every name. A repository without tags stays hosted's, unless an unknown one looks the same.
 */
async function searchWithoutTags<E>(read: ReadTags<E>): Promise<ImageTagSearch<E>> {
  const again = await read("", false);
  if (!("page" in again)) {
    return { end: "end" in again ? again.end : again.rejected };
  }
  const { body } = again.page;
  const names = body === undefined ? undefined : readNames(body, "tags");
  if (names !== null) {
    return { found: names?.some(namesAnImage) ?? body === undefined };
  }
  return { found: !("page" in (await read("", true))) };
}

/** A full page may not be the last one, although the registry links to no other. */
function pageAfter(names: readonly string[], n: number | undefined): string | undefined {
  const last = names.at(-1);
  return last !== undefined && n !== undefined && names.length >= n
    ? listSearch({ rest: "" }, { last, n: pageSize })
    : undefined;
}

/** Reads one page of tags. Undefined if it broke off. */
export async function readTagPage(
  { headers, body }: Pick<UpstreamResponse, "headers" | "body">,
  idle: number,
): Promise<TagPage | undefined> {
  let size = 0;
  const count = (chunk: Buffer) => {
    size += chunk.length;
  };
  body.on("data", count);
  const bytes = await readUpTo(body, longestTagPage, idle, { isIdleTimeout: true });
  body.off("data", count);
  return bytes === undefined && size <= longestTagPage ? undefined : { headers, body: bytes?.toString() };
}

/**
 * Reads the beginning of a body, and puts the beginning back if the body is longer.
 * @returns undefined if it broke off
 */
export function peek(
  body: UpstreamResponse["body"],
  milliseconds: number,
): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean } | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (isWhole: boolean | undefined) => {
      clearTimeout(timer);
      body.off("data", onData).off("end", onEnd).off("error", onFailure).off("close", onFailure);
      resolve(isWhole === undefined ? undefined : { bytes: Buffer.concat(chunks), isWhole });
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      timer.refresh();
      if (size > errorBodyLimit) {
        body.pause();
        body.unshift(Buffer.concat(chunks));
        settle(false);
      }
    };
    const onEnd = () => settle(true);
    const onFailure = () => {
      body.destroy();
      settle(undefined);
    };
    const timer = setTimeout(onFailure, milliseconds);
    body.on("data", onData).once("end", onEnd).once("error", onFailure).once("close", onFailure);
  });
}
