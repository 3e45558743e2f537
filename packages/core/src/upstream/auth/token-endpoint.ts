import type { CompleteUpstream } from "../../config/complete.ts";
import { UpstreamFailure, upstreamFailure } from "../../errors.ts";
import { basicAuthorization } from "../../protocol/challenge.ts";
import { firstValue, type RawHeaders } from "../../protocol/headers.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { userAgent } from "../request-headers.ts";
import type { Agents } from "../transport/agents.ts";
import { readUpTo } from "../transport/read-body.ts";
import { addressOf, type HttpRequest, send } from "../transport/send.ts";
import type { Denial, RequestToken, Token, TokenSource } from "./tokens.ts";

type Method = "GET" | "POST";

// Milliseconds, also if the upstream has more: clients wait for both.
const answerTimeout = 10_000;
const longestAnswer = 256 * 1024;
// The endpoint does not know the method.
const unknownMethod = [404, 405];
const clientId = "combined-registry";

/**
 * Requests tokens with GET, as in the specification, or with a form from endpoints that do not know that
 * (https://distribution.github.io/distribution/spec/auth/oauth/).
 */
export function requestTokenOver(
  agents: Agents,
  { name, timeouts }: Pick<CompleteUpstream, "name" | "timeouts">,
): RequestToken {
  let lastWorked: { readonly realm: string; readonly method: Method } | undefined;

  const requestBy = async (method: Method, source: TokenSource, scope: Scope): Promise<Reply> => {
    const url = source.realm;
    const destination = {
      upstream: name,
      address: addressOf(url),
      connectTimeout: timeouts.connect,
      answerTimeout: Math.min(timeouts.headers, answerTimeout),
      idle: timeouts.idle,
    };
    const request = method === "GET" ? query(source, scope) : form(source, scope);
    try {
      const { status, headers, body } = await send(agents.tokens(url), destination, request);
      const text = (await readUpTo(body, longestAnswer, destination.answerTimeout))?.toString();
      return { status, headers, text };
    } catch (error) {
      const { kind, cause } = upstreamFailure(error).report;
      throw new UpstreamFailure(kind, `token endpoint: ${cause}`, { cause: error });
    }
  };

  return async (source, scope) => {
    const started = performance.now();
    const realm = source.realm.href;
    let reply: Reply | undefined;
    for (const method of methodsFor(source, lastWorked?.realm === realm ? lastWorked.method : "GET")) {
      reply = await requestBy(method, source, scope);
      if (!unknownMethod.includes(reply.status)) {
        lastWorked = { realm, method };
        break;
      }
    }
    return meaningOf(reply, performance.now() - started);
  };
}

/** The likely method first. A form needs a user. */
function methodsFor({ user }: TokenSource, likely: Method): readonly Method[] {
  if (user === undefined) {
    return ["GET"];
  }
  return likely === "GET" ? ["GET", "POST"] : ["POST", "GET"];
}

function query({ realm, service, user }: TokenSource, scope: Scope): HttpRequest {
  const address = new URL(realm);
  if (service !== undefined) {
    address.searchParams.set("service", service);
  }
  for (const one of scope) {
    address.searchParams.append("scope", one);
  }
  return {
    method: "GET",
    path: address.pathname + address.search,
    headers: [
      "Accept",
      "application/json",
      "User-Agent",
      userAgent,
      ...(user ? ["Authorization", basicAuthorization(user)] : []),
    ],
    signal: new AbortController().signal,
  };
}

function form({ realm, service, user }: TokenSource, scope: Scope): HttpRequest {
  const fields = new URLSearchParams({ grant_type: "password", client_id: clientId, ...user });
  if (service !== undefined) {
    fields.set("service", service);
  }
  if (scope.length > 0) {
    fields.set("scope", scope.join(" "));
  }
  const body = fields.toString();
  return {
    method: "POST",
    path: realm.pathname + realm.search,
    headers: [
      "Accept",
      "application/json",
      "User-Agent",
      userAgent,
      "Content-Type",
      "application/x-www-form-urlencoded",
      "Content-Length",
      String(Buffer.byteLength(body)),
    ],
    body,
    signal: new AbortController().signal,
  };
}

interface Reply {
  readonly status: number;
  readonly headers: RawHeaders;
  readonly text: string | undefined;
}

function meaningOf(reply: Reply | undefined, elapsed: number): Token | Denial {
  const { status = 0, headers = [], text } = reply ?? {};
  if (status === 429) {
    const retryAfter = firstValue(headers, "retry-after");
    throw new UpstreamFailure("rate-limited", "token endpoint: rate limited", {
      status,
      ...(retryAfter !== undefined && { retryAfter }),
    });
  }
  if (status >= 400 && status < 500 && status !== 408) {
    return { denied: status };
  }
  if (status < 200 || status >= 300) {
    throw new UpstreamFailure("broken", `token endpoint answered ${status}`);
  }
  if (text === undefined) {
    throw new UpstreamFailure(
      "broken",
      `token endpoint broke off its answer, or sent more than ${longestAnswer} bytes`,
    );
  }
  const token = readToken(text, firstValue(headers, "date"));
  if (token === undefined) {
    const cause = /"(?:access_)?token"\s*:\s*"[^"]/.test(text)
      ? `sent a token that is longer than ${longestToken} characters, or that no header can have`
      : "sent no token";
    throw new UpstreamFailure("broken", `token endpoint ${cause}`);
  }
  return { value: token.value, lifetime: token.lifetime - elapsed };
}

// Seconds, the default of `expires_in` in the specification.
const usualLife = 60;
const longestLife = 24 * 60 * 60;
const longestToken = 32 * 1024;

/** @param date the `Date` header of the answer */
export function readToken(text: string, date: string | undefined): Token | undefined {
  const said = parse(text);
  if (typeof said !== "object" || said === null) {
    return undefined;
  }
  const value = ["token", "access_token"].map((key) => Reflect.get(said, key)).find(isToken);
  if (value === undefined) {
    return undefined;
  }
  const seconds = Number(Reflect.get(said, "expires_in"));
  const life = (seconds > 0 ? Math.min(seconds, longestLife) : usualLife) * 1000;
  return { value, lifetime: life - ageOf(Reflect.get(said, "issued_at"), date, life) };
}

/**
 * The age of a token in milliseconds when it was sent: endpoints may send the same one again. Both times are of the endpoint's clock, so
 * the router's does not matter. No endpoint sends an expired token, so an age beyond the token's life is a wrong clock.
 */
function ageOf(issuedAt: unknown, date: string | undefined, life: number): number {
  const age = Date.parse(date ?? "") - Date.parse(String(issuedAt));
  return age > 0 && age < life ? age : 0;
}

/** A token goes into a header: it must not end the line, and has to fit. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestToken && /^[\x21-\x7e]+$/.test(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
