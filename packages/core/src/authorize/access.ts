import type { Who } from "../routing/ruling.ts";
import type { Access, AccessRequest, AuthorizeResult } from "./hook.ts";

/** What a request wants, whoever sends it. */
export type Wanted = Omit<AccessRequest, "client">;

/** Who may have it, by the rule on the repository. */
export interface Grant {
  /** Undefined where `authorize` alone decides. */
  readonly who: Who | undefined;
  /** What to call the rule: `rules[2]`. */
  readonly rule: string;
}

/** Whether somebody is among those who may; nobody in particular has no name. */
export function isAmong(who: Who | undefined, user: string | undefined): boolean {
  if (who === undefined || who === "anonymous") {
    return true;
  }
  return user !== undefined && (who === "authenticated" || who.includes(user));
}

/** Holds a user whom `authorize` has let in against the rule. What it says names no other user. */
export function verdictOf(
  { who, rule }: Grant,
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
  ruleOn(repository: string): { readonly access: { readonly pull: Who | undefined } };
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
