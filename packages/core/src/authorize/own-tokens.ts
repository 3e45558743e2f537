import { quotable } from "../protocol/headers.ts";
import type { Scope } from "../protocol/token-scope.ts";

// Docker decides by the challenge of `/v2/` alone: after a Basic one it requests nothing without a password, and without one it
// never sends a password. Only a Bearer challenge allows anonymous pulls beside pushes with a password. The router stores
// nothing for its tokens: each contains the credentials that it was requested with.

export const anonymousToken = "anonymous";

const prefix = "basic.";
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const bearer = /^bearer +(\S+)$/i;
const credentialsToken = /^basic\.([A-Za-z0-9+/]+={0,2})$/;

/** The token for the credentials of an `Authorization`; undefined if they are not Basic. */
export function tokenFor(authorization: string): string | undefined {
  const encoded = basic.exec(authorization)?.[1];
  return encoded === undefined ? undefined : prefix + encoded;
}

type Redeemed =
  /** Not a token of the router. */
  | { readonly kind: "other" }
  | { readonly kind: "anonymous" }
  | { readonly kind: "credentials"; readonly authorization: string };

export function redeem(authorization: string | undefined): Redeemed {
  const token = bearer.exec(authorization ?? "")?.[1];
  if (token === anonymousToken) {
    return { kind: "anonymous" };
  }
  const encoded = credentialsToken.exec(token ?? "")?.[1];
  return encoded === undefined
    ? { kind: "other" }
    : { kind: "credentials", authorization: `Basic ${encoded}` };
}

/**
 * Sends a client for a token (distribution's specification, "Token Authentication").
 * @param origin `https://registry.example.com`
 */
export function bearerChallenge(origin: string, service: string, scope: Scope): string {
  const parameters = [`realm="${quotable(`${origin}/v2/token`)}"`, `service="${quotable(service)}"`];
  if (scope.length > 0) {
    parameters.push(`scope="${quotable(scope.join(" "))}"`);
  }
  return `Bearer ${parameters.join(",")}`;
}
