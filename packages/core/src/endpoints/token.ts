import { type AuthorizeContext, authorizeUnruled } from "../authorize/admit.ts";
import { anonymousToken, tokenFor } from "../authorize/own-tokens.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, sendJson } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";

// Nothing ends with it but the client's use of it: the credentials are checked with every request.
const lifetime = 300;

/**
 * `GET /v2/token`: a token in exchange for right credentials, and another one for none (distribution's specification, "Token
 * Authentication"). It permits nothing by itself, so whatever scope is asked for makes no difference.
 * @throws RegistryError UNSUPPORTED to POST, after which clients try GET; UNAUTHORIZED and others as `admit` does
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
    // Whatever else a hook may go by, it is no use here to those who are sent here.
    throw new RegistryError("UNAUTHORIZED", {
      message: "ask for tokens with Basic credentials",
      headers: { "WWW-Authenticate": 'Basic realm="combined-registry", charset="UTF-8"' },
    });
  }
  return token;
}
