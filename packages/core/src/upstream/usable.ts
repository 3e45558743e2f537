import { parseChallenges } from "../protocol/challenge.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "../protocol/headers.ts";

/** An upstream's answer to `GET /v2/`. */
export interface BaseAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Empty if it was longer than an error. */
  readonly text: string;
  /** Whether the upstream redirected there. */
  readonly redirected: boolean;
  /** Whether its token endpoint gives tokens to the router, but none for `/v2/`. */
  readonly onlyScopedTokens: boolean;
}

interface Asked {
  readonly kind: "hosted" | "proxy";
  readonly passthrough: boolean;
  readonly hasCredentials: boolean;
}

/**
 * Why an upstream that answers so to `/v2/` cannot be used, as one phrase; undefined if it can. Public registries ask everybody for a
 * token there, some redirect, and some do not have the path. What counts is whether a registry is there, and accepts the router.
 */
export function objectionTo(upstream: Asked, answer: BaseAnswer): string | undefined {
  const { status, redirected } = answer;
  if (looksLikePage(answer)) {
    return redirected ? "redirects to a web page, as a login does" : "sent a web page, as no registry does";
  }
  if (status >= 200 && status < 300) {
    return undefined;
  }
  const answered = redirected ? `redirects to an address that answered ${status}` : `answered ${status}`;
  if (status < 400 || status >= 500 || status === 408 || status === 429) {
    return status === 429 ? "rate limited" : answered;
  }
  if (status === 400 && /HTTPS server|plain HTTP request was sent/i.test(answer.text)) {
    return "speaks HTTPS, and was asked in plain HTTP";
  }
  if (upstream.passthrough && status === 401) {
    return undefined;
  }
  if (!isRegistry(answer)) {
    return answered;
  }
  return redirected || upstream.passthrough ? undefined : refusalOf(upstream, answer);
}

function refusalOf({ kind, hasCredentials }: Asked, answer: BaseAnswer): string | undefined {
  const { status, onlyScopedTokens } = answer;
  if ((status !== 401 && status !== 403) || onlyScopedTokens || (hasCredentials && wantsScope(answer))) {
    return undefined;
  }
  if (hasCredentials) {
    return `refused the router's credentials (${status})`;
  }
  // A proxy may be public although it asks here. Pushes to hosted need a user.
  return kind === "hosted" && status === 401
    ? `asks for credentials, and the router has none for it (${status})`
    : undefined;
}

/** Whether an answer to an API request is a page for people: a portal, a login, another server's port. */
function looksLikePage({ headers, text }: Pick<BaseAnswer, "headers" | "text">): boolean {
  if (/^\s*(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|body)\b/i.test(text.replace(/^\ufeff/, ""))) {
    return !hasSigns(headers);
  }
  const type = firstValue(headers, "content-type") ?? "";
  // Quay says text/html for `true`.
  return (
    /^(?:text\/html|application\/xhtml)/i.test(type.trim()) && !/^\s*[{[t]/.test(text) && !hasSigns(headers)
  );
}

function isRegistry({ headers, text }: BaseAnswer): boolean {
  return hasSigns(headers) || errorCodes(text).length > 0;
}

/** Headers that only a registry sends. */
function hasSigns(headers: RawHeaders): boolean {
  return (
    firstValue(headers, "docker-distribution-api-version") !== undefined ||
    parseChallenges(valuesOf(headers, "www-authenticate")).some(
      ({ scheme, parameters }) => scheme === "basic" || (scheme === "bearer" && parameters.has("realm")),
    )
  );
}

/** Whether the token was good, but `/v2/` wants one for a repository (RFC 6750 3.1). */
function wantsScope({ headers }: BaseAnswer): boolean {
  return parseChallenges(valuesOf(headers, "www-authenticate")).some(
    ({ parameters }) => parameters.get("error") === "insufficient_scope",
  );
}
