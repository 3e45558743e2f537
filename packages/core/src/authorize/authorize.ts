import type { IncomingMessage } from "node:http";
import { parseChallenges } from "../protocol/challenge.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Principals } from "../routing/ruling.ts";
import type { Access, AccessRequest, AuthorizeHook, AuthorizeResult } from "./hook.ts";

type Authorized = Exclude<AuthorizeResult, string>;

/** Who wants something, as far as the hook has to know, and where to send those who do not say who they are. */
export interface Requester {
  readonly request: IncomingMessage;
  /** IP address. */
  readonly client: string;
  /** The challenge that takes the place of a Basic one. */
  readonly challenge: string | undefined;
}

/**
 * Asks the hook whose request it is, and whether it lets it pass.
 * @returns the user, where the hook names one
 * @throws RegistryError UNAUTHORIZED, DENIED, TOOMANYREQUESTS; UNKNOWN if the hook fails or answers nonsense
 */
export async function authorize(
  hook: AuthorizeHook,
  asker: Requester,
  { repository, access }: Wanted,
): Promise<string | undefined> {
  const verdict = await verify(hook, asker.request, { repository, access, client: asker.client });
  if (verdict.decision !== "allow") {
    throw refusal(verdict, { repository, access }, asker);
  }
  return verdict.user === "" ? undefined : verdict.user;
}

/**
 * Holds the user against the rule.
 * @throws RegistryError UNAUTHORIZED, DENIED
 */
export function requirePermission(
  grant: Permission,
  asker: Requester,
  { repository, access }: Wanted,
  user: string | undefined,
): void {
  const verdict = authorizedBy(authorizeResultOf(grant, { repository, access }, user));
  if (verdict.decision !== "allow") {
    throw refusal(verdict, { repository, access }, asker);
  }
}

/** What a request touches: a cross-repository mount, two repositories. */
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
    // To look at or to give up one's own upload is part of pushing.
    return "push";
  }
  if (method === "DELETE") {
    return "delete";
  }
  return method === "PUT" ? "push" : "pull";
}

async function verify(
  hook: AuthorizeHook,
  request: IncomingMessage,
  wanted: AccessRequest,
): Promise<Authorized> {
  let verdict: AuthorizeResult;
  try {
    verdict = await hook(request, wanted);
  } catch (cause) {
    throw new RegistryError("UNKNOWN", { message: "the request could not be authorized", cause });
  }
  const full = authorizedBy(verdict);
  if (!["allow", "challenge", "deny", "throttle"].includes(full?.decision)) {
    // Whatever an untyped hook means by it, it is not permission.
    throw new RegistryError("UNKNOWN", {
      message: "the request could not be authorized",
      cause: new TypeError("authorize must answer allow, challenge, deny or throttle"),
    });
  }
  return full;
}

function authorizedBy(verdict: AuthorizeResult): Authorized {
  return typeof verdict === "string" ? { decision: verdict } : verdict;
}

function refusal(
  verdict: Exclude<Authorized, { decision: "allow" }>,
  wanted: Wanted,
  { challenge: instead }: Requester,
): RegistryError {
  const said = verdict.message === undefined ? {} : { message: verdict.message };
  switch (verdict.decision) {
    case "challenge": {
      const challenge = verdict.challenge ?? 'Basic realm="combined-registry", charset="UTF-8"';
      return new RegistryError("UNAUTHORIZED", {
        ...said,
        detail: wanted,
        headers: { "WWW-Authenticate": isBasic(challenge) ? (instead ?? challenge) : challenge },
      });
    }
    case "deny":
      return new RegistryError("DENIED", { ...said, detail: wanted });
    case "throttle":
      return new RegistryError("TOOMANYREQUESTS", {
        ...said,
        headers: { "Retry-After": String(Math.ceil(verdict.retryAfter)) },
      });
  }
}

/** A hook that asks for something else has its own way of telling users apart. */
function isBasic(challenge: string): boolean {
  return parseChallenges([challenge]).some(({ scheme }) => scheme === "basic");
}

/** What a request wants, whoever sends it. */
export type Wanted = Omit<AccessRequest, "client">;

/** Who may have it, by the rule on the repository. */
export interface Permission {
  /** Undefined where `authorize` alone decides. */
  readonly who: Principals | undefined;
  /** What to call the rule: `rules[2]`. */
  readonly rule: string;
}

/** Whether somebody is among those who may; nobody in particular has no name. */
export function isAmong(who: Principals | undefined, user: string | undefined): boolean {
  if (who === undefined || who === "anonymous") {
    return true;
  }
  return user !== undefined && (who === "authenticated" || who.includes(user));
}

/** Holds a user whom `authorize` has let in against the rule. What it says names no other user. */
export function authorizeResultOf(
  { who, rule }: Permission,
  { access, repository }: Wanted,
  user?: string,
): AuthorizeResult {
  if (isAmong(who, user)) {
    return "allow";
  }
  return user === undefined
    ? { decision: "challenge", message: `${rule} lets only known users ${deed(access)} ${repository}` }
    : { decision: "deny", message: `${rule} does not let ${user} ${deed(access)} ${repository}` };
}

/** What a user's view of names follows from. */
export interface NameRules {
  /** Whether there are any that not everybody may pull. */
  readonly restrictsPulls: boolean;
  ruleOn(repository: string): { readonly access: { readonly pull: Principals | undefined } };
}

/** Whether a user may see that a repository is there; undefined where everybody may see all. */
export function namesFor(
  rules: NameRules,
  user: string | undefined,
): ((repository: string) => boolean) | undefined {
  return rules.restrictsPulls ? (name) => isAmong(rules.ruleOn(name).access.pull, user) : undefined;
}

function deed(access: Access): string {
  return access === "pull" ? "pull from" : access === "delete" ? "delete from" : "push to";
}
