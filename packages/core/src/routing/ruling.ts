/** A rule as configured, defaults filled in. */
export interface Rule {
  /** Patterns over the repository's name. */
  readonly match: readonly string[];
  /** `hosted`, `proxy` (every proxy, in order), or the name of one upstream. */
  readonly pull: readonly string[];
  readonly push: "hosted" | "deny";
  readonly onFailure: "continue" | "stop";
  readonly owned: boolean;
  readonly shadow: Shadow;
  readonly access: { readonly pull: Principals | undefined; readonly push: Principals | undefined };
}

/** What is done about a tag that hosted and a proxy have with different digests. */
export type Shadow = "allow" | "warn" | "deny";

/** Who may: everybody, whoever has made known who they are, or these users. */
export type Principals = "anonymous" | "authenticated" | readonly string[];

/** Whether not everybody may. */
export function isRestricted(who: Principals | undefined): boolean {
  return who !== undefined && who !== "anonymous";
}

/** What the policy says of a request for one repository. */
export interface ResolvedRule<M extends Member> extends Omit<Rule, "match" | "pull" | "push"> {
  /** Its place among the rules, from 0; undefined for what holds without a rule. */
  readonly position: number | undefined;
  /** Whom to ask for what it has, in order. Nobody else hears of the name. */
  readonly pull: readonly M[];
  /** Where pushes go; undefined if they are denied. */
  readonly push: M | undefined;
  /** Why nothing is pushed, where it is not the rule that says so. */
  readonly noPushBy: Restriction | undefined;
}

/** What a way in is narrowed by: a host name that stands for one registry, or `?ns=`. */
export type Restriction = "host" | "namespace";

/** `rules[2]`, or what to call it when there is none. */
export function ruleName({ position }: { readonly position: number | undefined }): string {
  return position === undefined ? "the default rule" : `rules[${position}]`;
}

/** What routing has to know of an upstream whose answer it judges. */
export interface Member {
  /** As in the configuration; unique. */
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  /** Hosted alone: whether it judges the client's own credentials. */
  readonly passthrough: boolean;
}

/** What routing has to know of an upstream to decide whether it is asked. */
export interface Candidate extends Member {
  /** Proxies alone: the registry whose content it has, as containerd calls it in `?ns=`. */
  readonly namespace: string | undefined;
  /** Host names that stand for this one registry. */
  readonly hosts: readonly string[];
  /** Whether it may hear of a repository at all. */
  serves(repository: string): boolean;
}
