import { firstValue, type RawHeaders } from "./headers.ts";

/** Part of some content; `first` and `last` are inclusive (RFC 9110 14.4). */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
  /** Length of the whole content, if known. */
  readonly total: number | undefined;
}

/** The range of a 200 or 206 response; undefined unless its headers state it exactly. */
export function byteRangeOf(status: number, headers: RawHeaders): ByteRange | undefined {
  const length = wholeNumber(firstValue(headers, "content-length"));
  const coding = firstValue(headers, "content-encoding") ?? "identity";
  if (length === undefined || length === 0 || coding !== "identity") {
    return undefined;
  }
  if (status === 200) {
    return { first: 0, last: length - 1, total: length };
  }
  const range = status === 206 ? contentRange(firstValue(headers, "content-range")) : undefined;
  return range !== undefined && range.last - range.first + 1 === length ? range : undefined;
}

/** The range without its first `sent` bytes; undefined if nothing is left. */
export function restOf({ first, last, total }: ByteRange, sent: number): ByteRange | undefined {
  return first + sent <= last ? { first: first + sent, last, total } : undefined;
}

/**
 * How many bytes of the given range come before the wanted one; undefined if it does not contain that. A cache that does not have
 * the whole blob yet ignores `Range` and sends everything.
 */
export function skip(wanted: ByteRange, given: ByteRange): number | undefined {
  const sameContent = given.total === undefined || wanted.total === undefined || given.total === wanted.total;
  return sameContent && given.last === wanted.last && given.first <= wanted.first
    ? wanted.first - given.first
    : undefined;
}

export function rangeFor({ first, last }: ByteRange): string {
  return `bytes=${first}-${last}`;
}

export function contentRange(value = ""): ByteRange | undefined {
  const [, from, to, length] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(value.trim()) ?? [];
  const [first, last, total] = [wholeNumber(from), wholeNumber(to), wholeNumber(length)];
  return first === undefined || last === undefined || last < first ? undefined : { first, last, total };
}

function wholeNumber(text = ""): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
