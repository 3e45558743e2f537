import type { CompleteConfig } from "../config/complete.ts";
import { ClientAborted } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { publicHost, publicProto } from "../protocol/forwarding.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { scopeOf } from "../protocol/token-scope.ts";
import type { Policy } from "../routing/policy.ts";
import { ruleName } from "../routing/ruling.ts";
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

/** What permission follows from. */
export interface AuthorizeContext {
  readonly config: Pick<CompleteConfig, "authorize" | "tokens">;
  readonly policy: Policy<Upstream>;
}

/**
 * Lets a request of the API go on to the upstreams, or not: by its rules and by what `authorize` says of who sent it.
 * @throws RegistryError UNAUTHORIZED, DENIED, TOOMANYREQUESTS, UNKNOWN; ClientAborted
 */
export async function authorizeRequest(
  context: AuthorizeContext,
  exchange: Exchange,
  parsed: RegistryRequest,
): Promise<void> {
  const { tokens } = context.config;
  if (context.config.authorize === undefined) {
    return;
  }
  const anonymously = tokens && redeemToken(exchange) === "anonymous";
  const challenge = tokens ? challengeFor(exchange, parsed) : undefined;
  for (const wanted of accessesOf(parsed)) {
    const grant: Permission =
      wanted.repository === undefined
        ? // Whoever has been given a token for nothing finds the registry behind it.
          { who: anonymously && wanted.access === "base" ? "anonymous" : undefined, rule: "" }
        : permissionFor(context, wanted.repository, wanted.access);
    await authorizeWith(context, exchange, wanted, grant, challenge);
  }
}

/**
 * Lets a request go on, or not, to what no rule is about.
 * @throws as `admit` does
 */
export function authorizeUnruled(
  context: AuthorizeContext,
  exchange: Exchange,
  wanted: Wanted,
): Promise<void> {
  return authorizeWith(context, exchange, wanted, { who: undefined, rule: "" });
}

/**
 * Whether a request for something in a repository would be let go on, had whoever sent this one sent it.
 * @throws RegistryError UNKNOWN if `authorize` fails; ClientAborted
 */
export async function canAccess(
  context: AuthorizeContext,
  exchange: Exchange,
  { repository, access }: { readonly repository: string; readonly access: "pull" | "push" },
): Promise<boolean> {
  try {
    await authorizeWith(
      context,
      exchange,
      { repository, access },
      permissionFor(context, repository, access),
    );
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.status < 500) {
      return false;
    }
    throw error;
  }
}

async function authorizeWith(
  { config: { authorize: hook } }: AuthorizeContext,
  exchange: Exchange,
  wanted: Wanted,
  grant: Permission,
  challenge?: string,
): Promise<void> {
  const { request, client } = exchange;
  // Wrong credentials are refused even where none are needed: whoever sends some wants to know.
  const needless = grant.who === "anonymous" && request.headers.authorization === undefined;
  if (hook === undefined || needless) {
    return;
  }
  const asker: Requester = { request, client: client.origin, challenge };
  const user = await authorize(hook, asker, wanted);
  exchange.user = user ?? exchange.user;
  if (exchange.signal.aborted) {
    throw new ClientAborted();
  }
  requirePermission(grant, asker, wanted, user);
}

/** Whoever may push may delete. */
function permissionFor({ policy }: AuthorizeContext, repository: string, access: Access): Permission {
  const rule = policy.ruleOn(repository);
  return { who: access === "pull" ? rule.access.pull : rule.access.push, rule: ruleName(rule) };
}

/** Whatever comes with a token of the router's is judged as if it had come with what the token stands for. */
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
  return host === undefined
    ? undefined
    : bearerChallenge({
        origin: `${publicProto(request.rawHeaders, client)}://${host}`,
        service: host,
        scope: scopeOf(parsed, { nameOf: (repository) => repository }),
      });
}
