import { quotable } from "../protocol/headers.ts";

// Docker goes by `/v2/` alone: challenged for Basic there, it asks for nothing without a password, and not challenged, it
// never sends one. Only a Bearer challenge lets some pull without a password and others push with theirs. Nothing
// is kept for these tokens: one stands for the very credentials that it was asked for with.

/** The token of those who have shown no credentials. */
export const anonymousToken = "anonymous";

const prefix = "basic.";
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const bearer = /^bearer +(\S+)$/i;
const credentialsToken = /^basic\.([A-Za-z0-9+/]+={0,2})$/;

/** The token that stands for the credentials of an `Authorization`; undefined if they are not Basic. */
export function tokenFor(authorization: string): string | undefined {
  const encoded = basic.exec(authorization)?.[1];
  return encoded === undefined ? undefined : prefix + encoded;
}

/** What an `Authorization` with a token of ours stands for. */
export type Redeemed =
  /** No token of ours: as it came. */
  | { readonly kind: "other" }
  | { readonly kind: "anonymous" }
  | { readonly kind: "credentials"; readonly authorization: string };

/** Turns a token back into the credentials that it stands for. */
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

/** Where tokens are to be had, and what for. */
export interface TokenPlace {
  /** `https://registry.example.com` */
  readonly origin: string;
  /** What the registry is called. */
  readonly service: string;
  /** What is wanted: `repository:team/app:pull`, ... */
  readonly scope: readonly string[];
}

/** A `WWW-Authenticate` that sends clients for a token (distribution's specification, "Token Authentication"). */
export function bearerChallenge({ origin, service, scope }: TokenPlace): string {
  const parameters = [`realm="${quotable(`${origin}/v2/token`)}"`, `service="${quotable(service)}"`];
  if (scope.length > 0) {
    parameters.push(`scope="${quotable(scope.join(" "))}"`);
  }
  return `Bearer ${parameters.join(",")}`;
}
