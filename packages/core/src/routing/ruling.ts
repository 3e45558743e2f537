export interface Rule {
  readonly match: readonly string[];
  /** `hosted`, `proxy` (every proxy, in order), or names of upstreams. */
  readonly pull: readonly string[];
  readonly push: "hosted" | "deny";
  /** Undefined: continue after a proxy; stop after hosted where the order decides, which is for tags. */
  readonly onFailure: "continue" | "stop" | undefined;
  readonly owned: boolean;
  readonly shadow: Shadow;
  readonly access: { readonly pull: Principals | undefined; readonly push: Principals | undefined };
}

/** What happens with a tag that hosted and a proxy have with different digests. */
type Shadow = "allow" | "warn" | "deny";

/** Every client, every client with a user name, or these users. */
export type Principals = "anonymous" | "authenticated" | readonly string[];

/** True unless anonymous access is allowed. */
export function isRestricted(who: Principals | undefined): boolean {
  return who !== undefined && who !== "anonymous";
}

/** The rule for one repository, with upstreams in place of names. */
export interface ResolvedRule<M extends Member> extends Omit<Rule, "match" | "pull" | "push"> {
  /** Among the rules, from 0; undefined for the default rule. */
  readonly position: number | undefined;
  /** In the order in which they are asked. No other upstream learns the name. */
  readonly pull: readonly M[];
  readonly push: M | undefined;
  /** Set if the entry point, and not the rule, denies pushes. */
  readonly noPushBy: Restriction | undefined;
}

/** A host name that stands for one registry, or `?ns=`. */
export type Restriction = "host" | "namespace";

/** For people: `rules[2]`, or `the default rule`. */
export function ruleName({ position }: { readonly position: number | undefined }): string {
  return position === undefined ? "the default rule" : `rules[${position}]`;
}

/** What routing has to know of an upstream to classify its responses. */
export interface Member {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  /** Hosted only: whether it gets the client's own credentials. */
  readonly passthrough: boolean;
  /** Whether the router has a user of its own there. @default false */
  readonly hasCredentials?: boolean;
}

/** What routing has to know of an upstream to decide whether it is asked. */
export interface Candidate extends Member {
  /** Proxies only: the registry whose content it has, as containerd calls it in `?ns=`. */
  readonly namespace: string | undefined;
  /** Host names that stand for this registry alone. */
  readonly hosts: readonly string[];
  /** Whether it may be asked for a repository. */
  serves(repository: string): boolean;
}
