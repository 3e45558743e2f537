import type { RawHeaders } from "./headers.ts";

// What clients of registries say beside what they want, and what load balancers add (ingress-nginx, Traefik, those of the clouds): if
// one of theirs were missing here, nothing would be shared behind it. None of it is a credential that an upstream gets to see:
// `Authorization` goes only to one that judges clients itself, and for that nothing is shared.
const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding", // the router's own in its place
  "authorization",
  "baggage",
  "cdn-loop",
  "cf-connecting-ip",
  "cf-ipcountry",
  "cf-ray",
  "cf-visitor",
  "connection",
  "docker-distribution-api-version",
  "forwarded",
  "host",
  "keep-alive",
  "te",
  "traceparent",
  "tracestate",
  "user-agent",
  "via",
  "x-amzn-trace-id",
  "x-cloud-trace-context",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-server",
  "x-original-forwarded-for",
  "x-real-ip",
  "x-request-id",
  "x-scheme",
]);

// Which are the same for all who share an answer.
const partsOfWish: ReadonlySet<string> = new Set(["accept", "accept-encoding"]);

// What is longer is nobody's, and would have to be kept.
const longestWish = 2_048;
// All that a client says. With more, it might be refused for that alone, and those who wait with it as well.
const longestHead = 4_096;

/**
 * What the answer to a question depends on besides its path: the query and `Accept`. Undefined if it may depend on who asks as
 * well: any header that is not known to be harmless may be a credential (`X-JFrog-Art-Api`, `PRIVATE-TOKEN`, a cookie), or want the
 * answer otherwise (`Range`, `If-None-Match`, `Accept-Language`, `Cache-Control: no-cache`).
 */
export function impersonalWish(headers: RawHeaders, search: string): string | undefined {
  let wish = search;
  let length = search.length;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? "";
    const value = headers[index + 1] ?? "";
    if (!harmless.has(name)) {
      return undefined;
    }
    if (name === "accept") {
      wish += `\n${value}`;
    }
    // What is named there is not passed on: the upstream would answer as if there were no `Accept`, and that is another question.
    if (name === "connection" && value.toLowerCase().includes("accept")) {
      return undefined;
    }
    length += name === "authorization" ? 0 : name.length + value.length;
  }
  return wish.length > longestWish || length > longestHead ? undefined : wish;
}

/** Whether those who share an answer may say a header differently, and so ought not to share one that varies by it. */
export function mayDiffer(lowerName: string): boolean {
  return harmless.has(lowerName) && !partsOfWish.has(lowerName);
}

/** Whether a media type is among those that `Accept` headers name, word for word: wildcards are read differently by registries. */
export function namesType(accept: readonly string[], mediaType: string): boolean {
  return accept.some((value) => value.split(",").some((range) => accepts(range, mediaType)));
}

function accepts(range: string, mediaType: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  return type === mediaType && !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
}
