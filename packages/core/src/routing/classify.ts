import { type Challenge, parseChallenges } from "../protocol/challenge.ts";
import { ownWords, saysDenied, saysTooManyRequests, saysUnknown } from "../protocol/error-body.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import { firstValue, quotable, type RawHeaders, valuesOf } from "../protocol/headers.ts";
import { hasManifestShape, isManifestType, isWholeObject } from "../protocol/manifest.ts";
import { isDigestOfNothing, isOtherContent } from "../protocol/names.ts";
import type { Member } from "./ruling.ts";

export type Attempt =
  | {
      readonly member: Member;
      readonly outcome: "not_found";
      readonly status: number;
      readonly cached?: boolean;
      /** The reason of a refusal, in words of the upstream's own. */
      readonly words?: string | undefined;
      /** Of any other answer. */
      readonly body?: Buffer;
    }
  | { readonly member: Member; readonly outcome: "failed"; readonly failure: FailureReport };

export interface FailureReport {
  readonly kind: FailureKind;
  /** One phrase for people, without addresses or credentials: `connection refused`. */
  readonly cause: string;
  readonly status?: number;
  /** The upstream's `Retry-After` as sent, or seconds. */
  readonly retryAfter?: string;
}

/** `found` is any response that goes to the client. */
export type QueryResult = "found" | "not_found" | "failed";

/**
 * - `unreachable`: no connection;
 * - `timeout`: no connection or no headers in time;
 * - `rate-limited`: 429;
 * - `refused`: the upstream wants other credentials than the router has or may send;
 * - `broken`: any other unusable response;
 * - `circuit-open`, `queue-full`: the request was not sent.
 */
export type FailureKind =
  | "unreachable"
  | "timeout"
  | "rate-limited"
  | "refused"
  | "broken"
  | "circuit-open"
  | "queue-full";

export function isUnasked({ kind }: FailureReport): boolean {
  return kind === "circuit-open" || kind === "queue-full";
}

/** `proxy not found`, `proxy not found (cached)`, `harbor refused (blocked by policy)`, `dockerhub failed (connection refused)`. */
export function describeAttempt(attempt: Attempt): string {
  const { name } = attempt.member;
  if (attempt.outcome === "failed") {
    return `${name} failed (${attempt.failure.cause})`;
  }
  const { words, cached } = attempt;
  const note = words ?? (cached === true ? "cached" : undefined);
  return `${name} ${isRefusal(attempt) ? "refused" : "not found"}${note === undefined ? "" : ` (${note})`}`;
}

/** Whether an upstream that counts as "not found" gave a reason for which it does not serve what it may have. */
export function isRefusal({ words }: { readonly words?: string | undefined }): boolean {
  return words !== undefined;
}

/** `found` and `final`, which is hosted's verdict on the request itself, go to the client. The others continue the lookup. */
type AnswerClass = "found" | "not_found" | "failed" | "final";

/** What a response that is not found is classified by. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Empty for HEAD. */
  readonly body: string;
  /** Whether the request had a token, which a token endpoint gave to the router. */
  readonly sentToken?: boolean | undefined;
}

const redirects = [301, 302, 303, 307, 308];

// For an unknown name Docker Hub answers 401, others 403 or 400, or 405 if they have no such route. The content cannot be
// had there after 406, 410 and 451 either.
const notFoundAtProxy = [400, 401, 403, 404, 405, 406, 410, 451];

/** Whether the status alone shows that the content is there. */
export function isFound(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304 || status === 416 || redirects.includes(status);
}

/** The code of an error says more than its status: registries behind gateways, and caches, answer with the wrong one. */
export function classify(member: Member, answer: ErrorAnswer): AnswerClass {
  const { status, body } = answer;
  if (isFound(status)) {
    return "found";
  }
  if (status === 408 || isRateLimited(answer)) {
    return "failed";
  }
  if (status !== 401 && status !== 404 && saysUnknown(body)) {
    return "not_found";
  }
  return member.kind === "proxy" ? classifyAtProxy(member, answer) : classifyAtHosted(member, answer);
}

export function isRateLimited({ status, body }: Pick<ErrorAnswer, "status" | "body">): boolean {
  return status === 429 || (body.includes("TOOMANYREQUESTS") && saysTooManyRequests(body));
}

function classifyAtProxy(member: Member, answer: ErrorAnswer): AnswerClass {
  const { status, body } = answer;
  if (status === 404) {
    return "not_found";
  }
  if (status >= 500) {
    // A denial inside of a 500 is the public registry's, and about the name.
    return saysDenied(body) ? "not_found" : "failed";
  }
  if (member.hasCredentials === true && refusesCredentials(answer)) {
    return "failed";
  }
  return notFoundAtProxy.includes(status) || refusalWords(status, body) !== undefined
    ? "not_found"
    : "failed";
}

function classifyAtHosted(member: Member, { status, headers, body }: ErrorAnswer): AnswerClass {
  if (status === 404) {
    // The page of a gateway without a server behind it, or a denial that hides the name.
    const isMisleading =
      (isPage(headers) && !isOfRegistry(headers)) || (saysDenied(body) && !saysUnknown(body));
    return isMisleading ? "failed" : "not_found";
  }
  if (status === 401 || status === 403) {
    // Without passthrough, hosted refused the router: the client could do nothing about it.
    return member.passthrough ? "final" : "failed";
  }
  return status >= 400 && status < 500 ? "final" : "failed";
}

const aboutCredentials =
  /\b(?:tokens?|credentials?|expired|log ?in|sign ?in|passwords?|authenticat|authoriz)/i;

/**
 * Whether a proxy that knows the router's user refused the user, rather than one name. Docker Hub answers 401 with a challenge for a
 * name that a valid user may not see. RFC 6750 3.1 calls that `insufficient_scope`.
 */
function refusesCredentials({ status, headers, body, sentToken = false }: ErrorAnswer): boolean {
  const words = ownWords(body);
  if (status === 401) {
    const bearer = parseChallenges(valuesOf(headers, "www-authenticate")).find(
      ({ scheme }) => scheme === "bearer",
    );
    return (bearer === undefined && !sentToken) || bearer?.parameters.get("error") === "invalid_token";
  }
  // The token endpoint accepted the user.
  const isAboutName = words === undefined ? sentToken : !aboutCredentials.test(words);
  return status === 403 && !isAboutName;
}

// Payment, permission, conflict with a policy, precondition, lock, law.
const refusals = [402, 403, 409, 412, 423, 451];

export function isPolicyRefusal(status: number): boolean {
  return refusals.includes(status);
}

/**
 * The reason for which a proxy refuses content that it may have: a policy, a quota, a licence. Undefined for other answers. A 401
 * speaks of a client's credentials, and its words say nothing to a client that sent none.
 */
export function refusalWords(status: number, body: string): string | undefined {
  return isPolicyRefusal(status) && !saysUnknown(body) ? ownWords(body) : undefined;
}

/** What a request asks for. A response that cannot be that is no answer. */
export interface Wanted {
  /** Some registries answer a request for referrers with a page: they have no API for them. */
  readonly kind: "manifest" | "blob" | "list" | "referrers" | "write";
  /** Of a manifest or blob that is requested by its digest. */
  readonly digest?: string | undefined;
}

interface Response {
  readonly status: number;
  readonly headers: RawHeaders;
  /** The whole body, if it was read. */
  readonly read?: Buffer | undefined;
}

/**
 * Why a successful response cannot be what was asked for: a portal, a login page or a wrong port answers 200 to every path.
 * @returns a phrase for people; undefined if nothing speaks against the response
 */
export function objectionTo(wanted: Wanted, method: string, response: Response): string | undefined {
  const { status, headers } = response;
  if (status < 200 || status >= 300) {
    return redirects.includes(status) &&
      firstValue(headers, "location") === undefined &&
      wanted.kind !== "write"
      ? `answered ${status} without a Location`
      : undefined;
  }
  if (wanted.kind === "manifest" || wanted.kind === "blob") {
    return status === 200 || status === 206
      ? ((wanted.digest === undefined ? undefined : wrongDigest(wanted, wanted.digest, headers)) ??
          (wanted.kind === "blob"
            ? objectionToBlob(wanted, response)
            : objectionToManifest(wanted, method, response)))
      : `answered ${status} where a ${wanted.kind} was asked for`;
  }
  const isPageForWrite = wanted.kind === "write" && !answersWrite(headers);
  return isPage(headers) && (wanted.kind === "list" || isPageForWrite)
    ? `sent a web page where ${wanted.kind === "list" ? "a list" : "an answer of a registry"} was expected`
    : undefined;
}

// The digest of a signed manifest is that of a part of it (docker's "Image Manifest Version 2, Schema 1").
const signed = "+prettyjws";

/** Some registries answer HEAD of a manifest with nothing that tells a manifest from a page. */
export function provesManifest({ headers }: Response): boolean {
  return (
    firstValue(headers, "content-length") !== "0" &&
    (isManifestType(mediaTypeOf(headers)) || firstValue(headers, "docker-content-digest") !== undefined)
  );
}

function objectionToManifest(
  { digest }: Wanted,
  method: string,
  { status, headers, read }: Response,
): string | undefined {
  const type = mediaTypeOf(headers);
  const isManifest = isManifestType(type);
  if (!isManifest && page.test(type)) {
    return "sent a web page where a manifest was asked for";
  }
  if (method !== "GET" || status === 206 || read === undefined) {
    return undefined;
  }
  if (!isWholeObject(read)) {
    return `sent ${read.length === 0 ? "no bytes" : "no JSON object"} where a manifest was asked for`;
  }
  // Nearly every manifest has it, and parsing costs more than all else here.
  if (!(isManifest && read.includes('"schemaVersion"')) && !hasManifestShape(read)) {
    return `sent ${type === "" ? "something" : quotable(type)} that is no manifest`;
  }
  const expected = digest ?? firstValue(headers, "docker-content-digest");
  return expected !== undefined && !type.endsWith(signed) && isOtherContent(expected, read)
    ? "sent a manifest that does not match its digest"
    : undefined;
}

function objectionToBlob({ digest = "" }: Wanted, { headers }: Response): string | undefined {
  if (isPage(headers) && !isOfRegistry(headers)) {
    return "sent a web page where a blob was asked for";
  }
  return firstValue(headers, "content-length") === "0" && !isDigestOfNothing(digest)
    ? "sent no bytes where a blob was asked for"
    : undefined;
}

/** Only digests of one algorithm can be compared: a registry may name its own. */
function wrongDigest({ kind }: Wanted, digest: string, headers: RawHeaders): string | undefined {
  const given = firstValue(headers, "docker-content-digest") ?? digest;
  return given !== digest && given.split(":")[0] === digest.split(":")[0]
    ? `sent a ${kind} with another digest`
    : undefined;
}

/** Whether a response has something that registries alone send. */
export function isOfRegistry(headers: RawHeaders): boolean {
  return (
    firstValue(headers, "docker-distribution-api-version") !== undefined ||
    firstValue(headers, "docker-content-digest") !== undefined ||
    isManifestType(mediaTypeOf(headers)) ||
    parseChallenges(valuesOf(headers, "www-authenticate")).some(isOfTokens)
  );
}

/** A challenge for tokens of the API: no other server has a service or a scope in it. */
function isOfTokens({ scheme, parameters }: Challenge): boolean {
  return (
    scheme === "bearer" && parameters.has("realm") && (parameters.has("service") || parameters.has("scope"))
  );
}

// What a registry says about a write. Quay calls answers without a body HTML.
const aboutWrites = ["docker-upload-uuid", "location", "range", "oci-subject"];

function answersWrite(headers: RawHeaders): boolean {
  return isOfRegistry(headers) || aboutWrites.some((name) => firstValue(headers, name) !== undefined);
}

const page = /^(?:text\/html|application\/xhtml\+xml)$/i;

export function isPage(headers: RawHeaders): boolean {
  return page.test(mediaTypeOf(headers));
}

function mediaTypeOf(headers: RawHeaders): string {
  return firstValue(headers, "content-type")?.split(";")[0]?.trim() ?? "";
}

type CombinedResult =
  /** 404, with a `Warning` about `failures`. */
  { readonly kind: "not_found"; readonly failures: readonly Attempt[] } | { readonly kind: "failed" };

/**
 * A failure is never reported as not found, with one exception: hosted does not have the content, only proxies failed, and the plan
 * excuses them because the client may be about to push.
 */
export function combine(excusesProxies: boolean, attempts: readonly Attempt[]): CombinedResult {
  const failures = attempts.filter(({ outcome }) => outcome === "failed");
  const hosted = attempts.find(({ member }) => member.kind === "hosted");
  const excused = excusesProxies && hosted?.outcome === "not_found";
  return failures.length === 0 || excused ? { kind: "not_found", failures } : { kind: "failed" };
}

/** One code for all failures. It tells the client to wait only if waiting can help with every one of them. */
export function failureCode(attempts: readonly Attempt[]): {
  readonly code: ErrorCode;
  readonly retryAfter: string | undefined;
} {
  const failures = attempts.flatMap((attempt) => (attempt.outcome === "failed" ? [attempt.failure] : []));
  const all = (...kinds: readonly FailureKind[]) => failures.every(({ kind }) => kinds.includes(kind));
  if (all("rate-limited")) {
    return { code: "TOOMANYREQUESTS", retryAfter: longestWait(failures) };
  }
  if (all("rate-limited", "circuit-open", "queue-full")) {
    return { code: "UNAVAILABLE", retryAfter: longestWait(failures) };
  }
  const code = all("rate-limited", "circuit-open", "queue-full", "timeout")
    ? "UPSTREAM_TIMEOUT"
    : "UPSTREAM_FAILED";
  return { code, retryAfter: undefined };
}

function longestWait(failures: readonly FailureReport[]): string | undefined {
  const waits = failures.flatMap(({ retryAfter }) => (retryAfter === undefined ? [] : [retryAfter]));
  const seconds = waits.map(Number).filter(Number.isFinite);
  // A date (RFC 9110 10.2.3) cannot be compared without a clock.
  return seconds.length > 0 ? String(Math.max(...seconds)) : waits[0];
}
