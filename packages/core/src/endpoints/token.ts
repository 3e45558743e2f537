import { type AuthorizeContext, authorizeUnruled } from "../authorize/admit.ts";
import { anonymousToken, tokenFor } from "../authorize/own-tokens.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, sendJson } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";

// Seconds. Clients then fetch another token; the credentials are checked with every request in any case.
const lifetime = 300;

/**
 * `GET /v2/token`: a token for valid credentials, and an anonymous one without credentials (distribution's specification, "Token
 * Authentication"). A token permits nothing by itself, so the requested scope makes no difference.
 * @throws RegistryError UNSUPPORTED to POST, after which clients try GET; UNAUTHORIZED and others as `authorizeUnruled` does
 */
export async function token(context: AuthorizeContext, exchange: Exchange): Promise<Decision> {
  const { method } = exchange.request;
  if (method !== "GET") {
    throw new RegistryError("UNSUPPORTED", {
      message: "ask for tokens with GET",
      headers: { Allow: "GET" },
    });
  }
  const given = await tokenOf(context, exchange);
  return sendJson(exchange, routerDecision("token"), {
    status: 200,
    value: { token: given, access_token: given, expires_in: lifetime },
    headers: ["Cache-Control", "no-store"],
  });
}

async function tokenOf(context: AuthorizeContext, exchange: Exchange): Promise<string> {
  const { authorization } = exchange.request.headers;
  if (authorization === undefined) {
    return anonymousToken;
  }
  await authorizeUnruled(context, exchange, { repository: undefined, access: "base" });
  const token = tokenFor(authorization);
  if (token === undefined) {
    // The hook may accept other schemes, but a token can only be made from Basic credentials.
    throw new RegistryError("UNAUTHORIZED", {
      message: "ask for tokens with Basic credentials",
      headers: { "WWW-Authenticate": 'Basic realm="combined-registry", charset="UTF-8"' },
    });
  }
  return token;
}
