import type { CompleteConfig } from "../config/complete.ts";
import { ClientAborted } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { publicHost, publicProto } from "../protocol/forwarded-headers.ts";
import { firstValue, valuesOf } from "../protocol/headers.ts";
import { type HeadPurpose, headPurpose } from "../protocol/manifest.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { scopeOf } from "../protocol/token-scope.ts";
import type { Policy } from "../routing/policy.ts";
import { type ResolvedRule, ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import {
  accessesOf,
  authorize,
  type Permission,
  type Requester,
  requirePermission,
  type Wanted,
} from "./authorize.ts";
import type { Access } from "./hook.ts";
import { bearerChallenge, redeem } from "./own-tokens.ts";

export interface AuthorizeContext {
  readonly config: Pick<CompleteConfig, "authorize" | "tokens">;
  readonly policy: Policy<Upstream>;
}

/**
 * Checks a request of the API by the `authorize` hook and by the rules.
 * @throws RegistryError UNAUTHORIZED, DENIED, TOOMANYREQUESTS, UNKNOWN; ClientAborted
 */
export async function authorizeRequest(
  context: AuthorizeContext,
  exchange: Exchange,
  parsed: RegistryRequest,
): Promise<void> {
  refuseCrossSite(exchange);
  const { authorize: hook, tokens } = context.config;
  if (hook === undefined) {
    return;
  }
  const isAnonymous = tokens && redeemToken(exchange) === "anonymous";
  const challenge = tokens ? challengeFor(exchange, parsed) : undefined;
  for (const wanted of accessesOf(parsed)) {
    const permission: Permission =
      wanted.repository === undefined
        ? // A client that has an anonymous token must find the registry behind it.
          { who: isAnonymous && wanted.access === "base" ? "anonymous" : undefined, rule: "" }
        : permissionFor(context, wanted.repository, wanted.access);
    await authorizeWith(context, exchange, wanted, permission, challenge);
  }
}

/**
 * A page of another site must not write with what a browser knows: Basic credentials, or a place in the network. Clients of registries
 * send neither header.
 * @throws RegistryError DENIED
 */
function refuseCrossSite({ request, client }: Exchange): void {
  if (request.method === "GET" || request.method === "HEAD") {
    return;
  }
  const site = firstValue(request.rawHeaders, "sec-fetch-site");
  const origin = firstValue(request.rawHeaders, "origin");
  const own = publicHost(request.rawHeaders, client);
  const isOwn = origin === undefined || (URL.canParse(origin) && new URL(origin).host === own?.toLowerCase());
  if (!isOwn || (site !== undefined && site !== "same-origin" && site !== "none")) {
    throw new RegistryError("DENIED", { message: "pages of other sites may not write to this registry" });
  }
}

/**
 * Checks access to something without a repository by the `authorize` hook alone.
 * @throws as `authorizeRequest` does
 */
export function authorizeUnruled(
  context: AuthorizeContext,
  exchange: Exchange,
  wanted: Wanted,
): Promise<void> {
  return authorizeWith(context, exchange, wanted, { who: undefined, rule: "" });
}

/**
 * Whether the client of this request may access a repository.
 * @throws RegistryError UNKNOWN if `authorize` fails; ClientAborted
 */
export async function canAccess(
  context: AuthorizeContext,
  exchange: Exchange,
  wanted: RepositoryAccess,
): Promise<boolean> {
  return (await refusalOf(context, exchange, wanted)) === undefined;
}

/**
 * Why the client sends this HEAD. A user that may not push does not push.
 * @throws RegistryError UNAUTHORIZED if the client has to log in before it can push; else as `canAccess` does
 */
export async function purposeOfHead(
  context: AuthorizeContext,
  exchange: Exchange,
  request: RegistryRequest,
  { push }: ResolvedRule<Upstream>,
): Promise<HeadPurpose> {
  const { resource, namespace } = request;
  // Only mirrors are asked with `?ns=`, and no client pushes to a mirror.
  if (resource.kind !== "manifest" || namespace !== undefined || push === undefined) {
    return "pull";
  }
  const purpose = headPurpose(valuesOf(exchange.request.rawHeaders, "accept"));
  if (purpose === "pull") {
    return "pull";
  }
  const challenge = context.config.tokens ? challengeFor(exchange, request) : undefined;
  const wanted = { repository: resource.repository, access: "push" } as const;
  const refusal = await refusalOf(context, exchange, wanted, challenge);
  if (refusal?.status === 401 && purpose === "push") {
    // containerd sends no credentials before it is asked for them, and would push nothing after a proxy's answer.
    throw refusal;
  }
  return refusal === undefined ? purpose : "pull";
}

interface RepositoryAccess {
  readonly repository: string;
  readonly access: "pull" | "push";
}

/** Undefined if the client may access the repository. */
async function refusalOf(
  context: AuthorizeContext,
  exchange: Exchange,
  wanted: RepositoryAccess,
  challenge?: string,
): Promise<RegistryError | undefined> {
  try {
    const permission = permissionFor(context, wanted.repository, wanted.access);
    await authorizeWith(context, exchange, wanted, permission, challenge);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError && error.status < 500) {
      return error;
    }
    throw error;
  }
}

async function authorizeWith(
  { config: { authorize: hook } }: AuthorizeContext,
  exchange: Exchange,
  wanted: Wanted,
  permission: Permission,
  challenge?: string,
): Promise<void> {
  const { request, client } = exchange;
  // Wrong credentials are refused even where none are needed, because a client that sends some wants to know.
  const isOpen = permission.who === "anonymous" && request.headers.authorization === undefined;
  if (hook === undefined || isOpen) {
    return;
  }
  const requester: Requester = { request, client: client.origin, challenge };
  const user = await authorize(hook, requester, wanted);
  exchange.user = user ?? exchange.user;
  if (exchange.signal.aborted) {
    throw new ClientAborted();
  }
  requirePermission(permission, requester, wanted, user);
}

/** The permission to push includes the one to delete. */
function permissionFor({ policy }: AuthorizeContext, repository: string, access: Access): Permission {
  const rule = policy.ruleOn(repository);
  return { who: access === "pull" ? rule.access.pull : rule.access.push, rule: ruleName(rule) };
}

/** Replaces one of the router's own tokens by the credentials that it stands for. */
function redeemToken({ request: { headers } }: Exchange): "other" | "anonymous" | "credentials" {
  const redeemed = redeem(headers.authorization);
  if (redeemed.kind === "anonymous") {
    delete headers.authorization;
  } else if (redeemed.kind === "credentials") {
    headers.authorization = redeemed.authorization;
  }
  return redeemed.kind;
}

function challengeFor({ request, client }: Exchange, parsed: RegistryRequest): string | undefined {
  const host = publicHost(request.rawHeaders, client);
  if (host === undefined) {
    return undefined;
  }
  const origin = `${publicProto(request.rawHeaders, client)}://${host}`;
  const scope = scopeOf(parsed, { nameOf: (repository) => repository });
  return bearerChallenge(origin, host, scope);
}
