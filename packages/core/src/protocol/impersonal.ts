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

// What is longer is nobody's, and would have to be kept.
const longestWish = 2_048;

/**
 * What the answer to a question depends on besides its path: the query and `Accept`. Undefined if it may depend on who asks as
 * well: any header that is not known to be harmless may be a credential (`X-JFrog-Art-Api`, `PRIVATE-TOKEN`, a cookie), or want the
 * answer otherwise (`Range`, `If-None-Match`, `Accept-Language`, `Cache-Control: no-cache`).
 */
export function impersonalWish(headers: RawHeaders, search: string): string | undefined {
  let wish = search;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? "";
    if (!harmless.has(name)) {
      return undefined;
    }
    if (name === "accept") {
      wish += `\n${headers[index + 1]}`;
    }
    // What is named there is not passed on: the upstream would answer as if there were no `Accept`, and that is another question.
    if (name === "connection" && headers[index + 1]?.toLowerCase().includes("accept") !== false) {
      return undefined;
    }
  }
  return wish.length > longestWish ? undefined : wish;
}

/** Whether a media type is among those that `Accept` headers name, word for word: wildcards are read differently by registries. */
export function namesType(accept: readonly string[], mediaType: string): boolean {
  return accept.some((value) => value.split(",").some((range) => accepts(range, mediaType)));
}

function accepts(range: string, mediaType: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  return type === mediaType && !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
}
