/** Why an image is where it is: which rule, who was asked, what each one said, and what a client gets. */
export interface Explanation {
  /** The name as it was given. */
  readonly image: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  /** What was made of a host at the beginning of the name; undefined if there was none. */
  readonly host?: ExplainedHost;
  readonly rule: ExplainedRule;
  /** Those that a pull may ask, in that order. */
  readonly upstreams: readonly UpstreamAnswer[];
  /** Those that were not asked, since a pull would not ask them. */
  readonly leftOut: readonly LeftOut[];
  readonly pull: ExplainedPull;
  readonly push: ExplainedPush;
  /** Proxies that have the tag with another digest than hosted. */
  readonly shadowing: readonly Shadowing[];
  /** What to do about what is not as it should be. */
  readonly advice: readonly string[];
}

/** The host in an image's name: an upstream's `hosts` or a proxy's `namespace`, else it says nothing and is dropped. */
export interface ExplainedHost {
  readonly name: string;
  readonly means: "hosts" | "namespace" | "nothing";
}

/** The first rule that matches the repository, defaults filled in. */
export interface ExplainedRule {
  /** `rules[2]`, or `the default rule`. */
  readonly name: string;
  /** Its place in `rules`, from 0; undefined for the default. */
  readonly position?: number;
  readonly match: readonly string[];
  readonly pull: readonly string[];
  readonly push: "hosted" | "deny";
  readonly onFailure: "continue" | "stop";
  readonly owned: boolean;
  readonly shadow: "allow" | "warn" | "deny";
  readonly access: { readonly pull: ExplainedAccess; readonly push: ExplainedAccess };
}

/** Who may: everybody, whoever has made known who they are, whoever the `authorize` hook lets, or these users. */
export type ExplainedAccess = "anonymous" | "authenticated" | "authorize" | readonly string[];

/** What one upstream says now. */
export interface UpstreamAnswer {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  /** What the repository is called there. */
  readonly repository: string;
  /**
   * - `found`: it has it;
   * - `absent`: it has not got it;
   * - `failed`: it cannot tell;
   * - `final`: hosted's own word about the request, which clients get as it is.
   */
  readonly outcome: "found" | "absent" | "failed" | "final";
  /** What asked: `HEAD`, or `GET` where the answer to HEAD proves nothing. */
  readonly method: "HEAD" | "GET";
  /** Undefined if there was no answer. */
  readonly status?: number;
  readonly digest?: string;
  readonly mediaType?: string;
  /** Milliseconds. */
  readonly latency: number;
  /** Why it cannot tell. */
  readonly cause?: string;
  /** Whether requests ask it, leave it out after failures (`open`), or are trying it again. */
  readonly breaker: "closed" | "half-open" | "open";
}

/** An upstream that a pull would not ask. */
export interface LeftOut {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  readonly reason: string;
}

/** What a pull gets. */
export interface ExplainedPull {
  /** Who serves it; undefined if nobody does. */
  readonly from?: string;
  /** Of the answer that the client gets. */
  readonly status: number;
  readonly because: string;
}

/** What a push gets. */
export interface ExplainedPush {
  /** Where it goes; undefined if it is denied. */
  readonly to?: string;
  readonly because: string;
}

/** One tag, two images. */
export interface Shadowing {
  readonly hosted: { readonly name: string; readonly digest: string };
  readonly proxy: { readonly name: string; readonly digest: string };
}
