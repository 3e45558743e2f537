import { firstValue, type RawHeaders } from "./headers.ts";

/** Which bytes of some content an answer carries; both ends count (RFC 9110 14.4). */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
  /** Length of the whole content, where the answer tells. */
  readonly total: number | undefined;
}

/** The bytes that a 200 or 206 says it carries; undefined unless it says so exactly. */
export function byteRangeOf(status: number, headers: RawHeaders): ByteRange | undefined {
  const length = wholeNumber(firstValue(headers, "content-length"));
  const coding = firstValue(headers, "content-encoding") ?? "identity";
  if (length === undefined || length === 0 || coding !== "identity") {
    return undefined;
  }
  if (status === 200) {
    return { first: 0, last: length - 1, total: length };
  }
  const extent = status === 206 ? contentRange(firstValue(headers, "content-range")) : undefined;
  return extent !== undefined && extent.last - extent.first + 1 === length ? extent : undefined;
}

/** What is left of an extent after its first `sent` bytes; undefined if nothing is. */
export function restOf({ first, last, total }: ByteRange, sent: number): ByteRange | undefined {
  return first + sent <= last ? { first: first + sent, last, total } : undefined;
}

/**
 * How many bytes at the beginning of an answer are to be passed over to have what is wanted; undefined if it does not carry
 * that. A cache sends the whole where it has not got all of a blob yet, whatever range it is asked for.
 */
export function skip(wanted: ByteRange, given: ByteRange): number | undefined {
  const sameContent = given.total === undefined || wanted.total === undefined || given.total === wanted.total;
  return sameContent && given.last === wanted.last && given.first <= wanted.first
    ? wanted.first - given.first
    : undefined;
}

/** The `Range` that asks for an extent. */
export function rangeFor({ first, last }: ByteRange): string {
  return `bytes=${first}-${last}`;
}

/** What a `Content-Range` says. */
export function contentRange(value = ""): ByteRange | undefined {
  const [, from, to, length] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(value.trim()) ?? [];
  const [first, last, total] = [wholeNumber(from), wholeNumber(to), wholeNumber(length)];
  return first === undefined || last === undefined || last < first ? undefined : { first, last, total };
}

function wholeNumber(text = ""): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
