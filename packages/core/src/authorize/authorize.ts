import type { IncomingMessage } from "node:http";
import { parseChallenges } from "../protocol/challenge.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Policy } from "../routing/policy.ts";
import type { Candidate, Principals } from "../routing/ruling.ts";
import type { Access, AccessRequest, AuthorizeHook, AuthorizeResult } from "./hook.ts";

type Authorized = Exclude<AuthorizeResult, string>;
type Refused = Exclude<Authorized, { decision: "allow" }>;

export interface Requester {
  readonly request: IncomingMessage;
  readonly client: string;
  readonly challenge: string | undefined;
}

/** Without the client's address, which only the hook needs. */
export type Wanted = Omit<AccessRequest, "client">;

export interface Permission {
  /** Undefined if only the hook decides. */
  readonly who: Principals | undefined;
  /** For error messages: `rules[2]`. */
  readonly rule: string;
}

/**
 * Calls the hook.
 * @returns the user, if the hook names one
 * @throws RegistryError UNAUTHORIZED, DENIED, TOOMANYREQUESTS; UNKNOWN if the hook fails or answers nonsense
 */
export async function authorize(
  hook: AuthorizeHook,
  requester: Requester,
  wanted: Wanted,
): Promise<string | undefined> {
  const result = await callHook(hook, requester.request, { ...wanted, client: requester.client });
  if (result.decision !== "allow") {
    throw refusal(result, wanted, requester);
  }
  return result.user === "" ? undefined : result.user;
}

/**
 * Checks a user whom the hook has admitted. The message names no other user.
 * @throws RegistryError UNAUTHORIZED, DENIED
 */
export function requirePermission(
  { who, rule }: Permission,
  requester: Requester,
  wanted: Wanted,
  user: string | undefined,
): void {
  if (isAmong(who, user)) {
    return;
  }
  const { access, repository } = wanted;
  const deed = `${access === "pull" || access === "delete" ? `${access} from` : "push to"} ${repository}`;
  const result: Refused =
    user === undefined
      ? { decision: "challenge", message: `${rule} lets only known users ${deed}` }
      : { decision: "deny", message: `${rule} does not let ${user} ${deed}` };
  throw refusal(result, wanted, requester);
}

/** A cross-repository mount needs two repositories. */
export function accessesOf({ method, resource }: RegistryRequest): Wanted[] {
  if (resource.kind === "base" || resource.kind === "catalog") {
    return [{ repository: undefined, access: resource.kind }];
  }
  const { repository } = resource;
  const accesses: Wanted[] = [{ repository, access: accessOf(method, resource.kind) }];
  if (
    resource.kind === "uploads" &&
    resource.mount?.from !== undefined &&
    resource.mount.from !== repository
  ) {
    accesses.push({ repository: resource.mount.from, access: "pull" });
  }
  return accesses;
}

function accessOf(method: string, kind: RegistryRequest["resource"]["kind"]): Access {
  if (kind === "uploads" || kind === "upload-session") {
    // Any method: to look at or cancel one's own upload is part of pushing.
    return "push";
  }
  if (method === "DELETE") {
    return "delete";
  }
  return method === "PUT" ? "push" : "pull";
}

async function callHook(
  hook: AuthorizeHook,
  request: IncomingMessage,
  wanted: AccessRequest,
): Promise<Authorized> {
  try {
    const result = await hook(request, wanted);
    const full = typeof result === "string" ? { decision: result } : result;
    if (["allow", "challenge", "deny", "throttle"].includes(full?.decision)) {
      return full;
    }
    // An untyped hook may return anything; none of it is permission.
    throw new TypeError("authorize must answer allow, challenge, deny or throttle");
  } catch (cause) {
    throw new RegistryError("UNKNOWN", { message: "the request could not be authorized", cause });
  }
}

function refusal(result: Refused, wanted: Wanted, requester: Requester): RegistryError {
  // The code alone does not tell a wrong password from none.
  const { message: text } = result;
  const message = {
    ...(text !== undefined && { message: text }),
    ...(text !== undefined && text !== "" && { reason: text }),
  };
  switch (result.decision) {
    case "challenge": {
      const challenge = result.challenge ?? 'Basic realm="combined-registry", charset="UTF-8"';
      // A hook with another challenge does not know the Basic credentials that the router's tokens stand for.
      const isBasic = parseChallenges([challenge]).some(({ scheme }) => scheme === "basic");
      return new RegistryError("UNAUTHORIZED", {
        ...message,
        detail: wanted,
        headers: { "WWW-Authenticate": isBasic ? (requester.challenge ?? challenge) : challenge },
      });
    }
    case "deny":
      return new RegistryError("DENIED", { ...message, detail: wanted });
    case "throttle":
      return new RegistryError("TOOMANYREQUESTS", {
        ...message,
        headers: { "Retry-After": String(Math.ceil(result.retryAfter)) },
      });
  }
}

function isAmong(who: Principals | undefined, user: string | undefined): boolean {
  if (who === undefined || who === "anonymous") {
    return true;
  }
  return user !== undefined && (who === "authenticated" || who.includes(user));
}

/** Whether a user may see a repository in the catalog; undefined if all users may see all of them. */
export function namesFor<M extends Candidate>(
  policy: Policy<M>,
  user: string | undefined,
): ((repository: string) => boolean) | undefined {
  return policy.restrictsPulls ? (name) => isAmong(policy.ruleOn(name).access.pull, user) : undefined;
}
