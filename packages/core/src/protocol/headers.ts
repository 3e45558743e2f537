/** Names and values alternate, as in `IncomingMessage.rawHeaders`. */
export type RawHeaders = readonly string[];

// RFC 9110 7.6.1, and older names.
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

/** Drops hop-by-hop headers, those named in `Connection`, and those in any set of `without` (lower case). */
export function endToEnd(headers: RawHeaders, ...without: readonly ReadonlySet<string>[]): string[] {
  const named = connectionOptions(headers);
  const kept: string[] = [];
  // Plain loops here and below: headers are read several times per request.
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const lower = name.toLowerCase();
    if (!hopByHop.has(lower) && !named.has(lower) && !without.some((names) => names.has(lower))) {
      kept.push(name, headers[index + 1] ?? "");
    }
  }
  return kept;
}

const forClients: ReadonlySet<string> = new Set([
  "accept-ranges",
  "age",
  "allow",
  "cache-control",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "digest",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "pragma",
  "range",
  "repr-digest",
  "retry-after",
  "server",
  "vary",
  "via",
  "warning",
  "www-authenticate",
  "x-request-id",
]);
const familyForClients = /^(?:docker-|oci-|(?:x-)?ratelimit)/;

/**
 * Whether a response header of an upstream is for clients: about the content, a cache, a limit, or the API. Others are about a session
 * that the router's user began there (`Set-Cookie`, CSRF tokens), or are powers over the router's own origin in a browser (CORS, HSTS,
 * `Clear-Site-Data`).
 */
export function isForClients(lowerName: string): boolean {
  return forClients.has(lowerName) || familyForClients.test(lowerName);
}

/** The headers that `keeps` names in lower case, except hop-by-hop headers and those named in `Connection`. */
export function selected(headers: RawHeaders, keeps: (lowerName: string) => boolean): string[] {
  const named = connectionOptions(headers);
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const lower = name.toLowerCase();
    if (keeps(lower) && !hopByHop.has(lower) && !named.has(lower)) {
      kept.push(name, headers[index + 1] ?? "");
    }
  }
  return kept;
}

export function valuesOf(headers: RawHeaders, lowerName: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) {
      values.push(headers[index + 1] ?? "");
    }
  }
  return values;
}

export function firstValue(headers: RawHeaders, lowerName: string): string | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) {
      return headers[index + 1];
    }
  }
  return undefined;
}

export function* pairs(headers: RawHeaders): Generator<readonly [string, string]> {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    yield [headers[i] ?? "", headers[i + 1] ?? ""];
  }
}

const needsQuoting = /[^\x20-\x7e]|["\\]/;

/** Makes any text safe inside a quoted string of a header: a name or an error message must not end the value or the line. */
export function quotable(text: string): string {
  return needsQuoting.test(text) ? text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "'") : text;
}

// Characters, so that one warning leaves room for others.
const longestWarning = 1000;
// For all warning lines of one response.
const mostWarningBytes = 4096;

/** A `Warning` value (distribution-spec 1.1, "Warnings"). Clients ignore one whose agent is not `-`. */
export function warning(text: string): string {
  const quoted = quotable(text);
  // There are no escapes in `quoted`, so it can be clipped anywhere.
  const clipped = quoted.length > longestWarning ? `${quoted.slice(0, longestWarning - 3)}...` : quoted;
  return `299 - "${clipped}"`;
}

// warn-code, warn-agent and warn-text (RFC 7234 5.5), and a date.
const oneWarning = /\s*\d{3}\s+\S+\s+("(?:[^"\\]|\\.)*")(?:\s+"[^"]*")?\s*(?:,|$)/y;

/** The warnings in a header, each in the form that clients show: its agent is `-`. Text that cannot be parsed stays as it is. */
function warningsIn(value: string): string[] {
  const warnings: string[] = [];
  for (let position = 0; position < value.length; position = oneWarning.lastIndex) {
    oneWarning.lastIndex = position;
    const text = oneWarning.exec(value)?.[1];
    if (text === undefined) {
      return [value];
    }
    warnings.push(`299 - ${text}`);
  }
  return warnings;
}

/**
 * Gives each warning a header line of its own, and drops those beyond the length that a registry may send (distribution-spec 1.1,
 * "Warnings").
 */
export function boundWarnings(headers: RawHeaders): RawHeaders {
  if (firstValue(headers, "warning") === undefined) {
    return headers;
  }
  let bytes = 0;
  return [...pairs(headers)].flatMap(([name, value]) => {
    if (name.toLowerCase() !== "warning") {
      return [name, value];
    }
    return warningsIn(value).flatMap((one) => {
      const line = Buffer.byteLength(`${name}: ${one}\r\n`, "latin1");
      if (bytes + line > mostWarningBytes) {
        return [];
      }
      bytes += line;
      return [name, one];
    });
  });
}

function connectionOptions(headers: RawHeaders): ReadonlySet<string> {
  const values = valuesOf(headers, "connection");
  if (values.length === 0) {
    return none;
  }
  const options = new Set<string>();
  for (const option of values.join(",").toLowerCase().split(",")) {
    options.add(option.trim());
  }
  // A client must not remove these: the message needs them.
  options.delete("content-length");
  options.delete("host");
  return options;
}

/** The first limit counts. Docker Hub sends `ratelimit-remaining: 99;w=21600`, other registries the number alone. */
export function rateLimitRemaining(headers: RawHeaders): number | undefined {
  const count = /^\s*(\d{1,15})\s*(?:[;,]|$)/.exec(firstValue(headers, "ratelimit-remaining") ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}
