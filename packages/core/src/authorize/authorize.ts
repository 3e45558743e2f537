import type { IncomingMessage } from "node:http";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Access, AccessRequest, AuthorizeHook, Verdict } from "./hook.ts";

type FullVerdict = Exclude<Verdict, string>;

/**
 * Asks the hook for everything that a request touches.
 * @returns the user, where the hook names one
 * @throws RegistryError UNAUTHORIZED, DENIED, TOOMANYREQUESTS; UNKNOWN if the hook fails or answers nonsense
 */
export async function authorize(
  hook: AuthorizeHook,
  request: IncomingMessage,
  client: string,
  wanted: readonly Wanted[],
): Promise<string | undefined> {
  let user: string | undefined;
  for (const one of wanted) {
    const verdict = await judge(hook, request, { ...one, client });
    if (verdict.decision !== "allow") {
      throw refusal(verdict, one);
    }
    user = verdict.user ?? user;
  }
  return user;
}

/** What a request wants, whoever sends it. */
export type Wanted = Omit<AccessRequest, "client">;

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

async function judge(
  hook: AuthorizeHook,
  request: IncomingMessage,
  wanted: AccessRequest,
): Promise<FullVerdict> {
  let verdict: Verdict;
  try {
    verdict = await hook(request, wanted);
  } catch (cause) {
    throw new RegistryError("UNKNOWN", { message: "the request could not be authorized", cause });
  }
  const full = typeof verdict === "string" ? { decision: verdict } : verdict;
  if (!["allow", "challenge", "deny", "throttle"].includes(full?.decision)) {
    // Whatever an untyped hook means by it, it is not permission.
    throw new RegistryError("UNKNOWN", {
      message: "the request could not be authorized",
      cause: new TypeError("authorize must answer allow, challenge, deny or throttle"),
    });
  }
  return full;
}

function refusal(verdict: Exclude<FullVerdict, { decision: "allow" }>, wanted: Wanted): RegistryError {
  const said = verdict.message === undefined ? {} : { message: verdict.message };
  switch (verdict.decision) {
    case "challenge": {
      const challenge = verdict.challenge ?? 'Basic realm="combined-registry", charset="UTF-8"';
      return new RegistryError("UNAUTHORIZED", {
        ...said,
        detail: wanted,
        headers: { "WWW-Authenticate": challenge },
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
