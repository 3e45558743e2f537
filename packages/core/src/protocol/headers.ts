/** Names and values in turn, as they stand on the wire: `IncomingMessage.rawHeaders`. */
export type RawHeaders = readonly string[];

// RFC 9110 7.6.1, and what older software uses in the same place.
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const none: ReadonlySet<string> = new Set();

/**
 * The headers that concern the message rather than the connection it came over: without the hop-by-hop
 * ones, those named in `Connection`, and those in any of the sets in `without` (lower case).
 */
export function endToEnd(headers: RawHeaders, ...without: readonly ReadonlySet<string>[]): string[] {
  const named = connectionOptions(headers);
  const kept: string[] = [];
  // Loops over the list itself: it is gone through several times for each request.
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const lower = name.toLowerCase();
    if (!hopByHop.has(lower) && !named.has(lower) && !without.some((names) => names.has(lower))) {
      kept.push(name, headers[index + 1] ?? "");
    }
  }
  return kept;
}

/** Every value of a header, in order. */
export function valuesOf(headers: RawHeaders, lowerName: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (isCalled(headers[index], lowerName)) {
      values.push(headers[index + 1] ?? "");
    }
  }
  return values;
}

/** The first value of a header. */
export function firstValue(headers: RawHeaders, lowerName: string): string | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    if (isCalled(headers[index], lowerName)) {
      return headers[index + 1];
    }
  }
  return undefined;
}

function isCalled(name = "", lowerName: string): boolean {
  return name.length === lowerName.length && name.toLowerCase() === lowerName;
}

/** Names and values, pair by pair. */
export function* pairs(headers: RawHeaders): Generator<readonly [string, string]> {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    yield [headers[i] ?? "", headers[i + 1] ?? ""];
  }
}

const needsQuoting = /[^\x20-\x7e]|["\\]/;

/**
 * Text that may stand inside a quoted string of a header, whatever it is made of: a repository's name, or
 * the message of an error, must not be able to end the value or the line.
 */
export function quotable(text: string): string {
  return needsQuoting.test(text) ? text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "'") : text;
}

// Of one warning, so that a long one leaves room for others. Characters.
const longestWarning = 1000;
// Of all warnings of one answer: their header lines. Bytes.
const mostWarningBytes = 4096;

/** A `Warning` value (distribution-spec 1.1, "Warnings"). Clients ignore one whose agent is not `-`. */
export function warning(text: string): string {
  const quoted = quotable(text);
  // A quotable text has no escapes, so that it can be clipped anywhere.
  const clipped = quoted.length > longestWarning ? `${quoted.slice(0, longestWarning - 3)}...` : quoted;
  return `299 - "${clipped}"`;
}

/** Drops each warning that makes all of them longer than a registry may send (distribution-spec 1.1, "Warnings"). */
export function boundWarnings(headers: RawHeaders): RawHeaders {
  if (firstValue(headers, "warning") === undefined) {
    return headers;
  }
  let bytes = 0;
  return [...pairs(headers)].flatMap(([name, value]) => {
    if (isCalled(name, "warning")) {
      const line = Buffer.byteLength(`${name}: ${value}\r\n`, "latin1");
      if (bytes + line > mostWarningBytes) {
        return [];
      }
      bytes += line;
    }
    return [name, value];
  });
}

function connectionOptions(headers: RawHeaders): ReadonlySet<string> {
  const values = valuesOf(headers, "connection");
  if (values.length === 0) {
    return none;
  }
  const options = new Set<string>();
  for (const value of values) {
    for (const option of value.split(",")) {
      options.add(option.trim().toLowerCase());
    }
  }
  // These a message needs, whatever a client calls hop-by-hop.
  options.delete("content-length");
  options.delete("host");
  return options;
}

/**
 * How many more requests an upstream grants for now; undefined if it does not say. Docker Hub writes
 * `ratelimit-remaining: 99;w=21600`, others the number alone; of several limits the first counts.
 */
export function rateLimitRemaining(headers: RawHeaders): number | undefined {
  const count = /^\s*(\d{1,15})\s*(?:[;,]|$)/.exec(firstValue(headers, "ratelimit-remaining") ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}
