/** Why an image is where it is: which rule, who was asked, what each one said, and what a client gets. */
export interface Explanation {
  /** The name as it was given. */
  readonly image: string;
  /** The name without host, tag and digest. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  /** What was made of a host at the beginning of the name; undefined if there was none. */
  readonly host?: ExplainedHost;
  /** What decided who may be asked. */
  readonly rule: ExplainedRule;
  /** Those that a pull may ask, in that order. */
  readonly upstreams: readonly UpstreamAnswer[];
  /** Those that were not asked, since a pull would not ask them. */
  readonly skipped: readonly SkippedUpstream[];
  /** What a pull gets now. */
  readonly pull: ExplainedPull;
  /** What a push would get; nothing is pushed to find out. */
  readonly push: ExplainedPush;
  /** Proxies that have the tag with another digest than hosted. */
  readonly shadowing: readonly Shadowing[];
  /** What to do about what is not as it should be. */
  readonly advice: readonly string[];
}

/** The host in an image's name: an upstream's `hosts` or a proxy's `namespace`, else it says nothing and is dropped. */
export interface ExplainedHost {
  /** With its port, if there is one, in lower case. */
  readonly name: string;
  /** What it was recognised as. */
  readonly means: "hosts" | "namespace" | "nothing";
}

/** The first rule that matches the repository, defaults filled in. */
export interface ExplainedRule {
  /** `rules[2]`, or `the default rule`. */
  readonly name: string;
  /** Its place in `rules`, from 0; undefined for the default. */
  readonly position?: number;
  /** Its patterns over names. */
  readonly match: readonly string[];
  /** The names of those that a pull may ask, in order. */
  readonly pull: readonly string[];
  /** Where a push goes. */
  readonly push: "hosted" | "deny";
  /** Whether a pull goes on to the next one when one has failed. */
  readonly onFailure: "continue" | "stop";
  /** Whether hosted alone is asked for repositories that it has. */
  readonly owned: boolean;
  /** What is done about a push of a tag that a proxy has with another digest. */
  readonly shadow: "allow" | "warn" | "deny";
  /** Who may. */
  readonly access: {
    /** Who may pull. */
    readonly pull: ExplainedAccess;
    /** Who may push and delete. */
    readonly push: ExplainedAccess;
  };
}

/** Who may: everybody, whoever has made known who they are, whoever the `authorize` hook lets, or these users. */
export type ExplainedAccess = "anonymous" | "authenticated" | "authorize" | readonly string[];

/** What one upstream says now. */
export interface UpstreamAnswer {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** On which side it is. */
  readonly kind: "hosted" | "proxy";
  /** What the repository is called there. */
  readonly repository: string;
  /**
   * - `found`: it has it;
   * - `not_found`: it does not have it;
   * - `failed`: it cannot tell;
   * - `final`: hosted's own word about the request, which clients get as it is.
   */
  readonly outcome: "found" | "not_found" | "failed" | "final";
  /** What asked: `HEAD`, or `GET` where the answer to HEAD proves nothing. */
  readonly method: "HEAD" | "GET";
  /** Undefined if there was no answer. */
  readonly status?: number;
  /** Of the manifest that it has; undefined if it does not tell. */
  readonly digest?: string;
  /** Of the manifest that it has; undefined if it does not tell. */
  readonly mediaType?: string;
  /** Milliseconds. */
  readonly latency: number;
  /** Why it cannot tell. */
  readonly cause?: string;
  /** State of its circuit breaker: requests ask it (`closed`), skip it after failures (`open`), or a probe is under way (`half-open`). */
  readonly breaker: "closed" | "half-open" | "open";
}

/** An upstream that a pull would not ask. */
export interface SkippedUpstream {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** On which side it is. */
  readonly kind: "hosted" | "proxy";
  /** Why not, as the end of a sentence. */
  readonly reason: string;
}

/** What a pull gets. */
export interface ExplainedPull {
  /** Who serves it; undefined if nobody does. */
  readonly from?: string;
  /** Of the answer that the client gets. */
  readonly status: number;
  /** Why, in words. */
  readonly because: string;
}

/** What a push gets. */
export interface ExplainedPush {
  /** Where it goes; undefined if it is denied. */
  readonly to?: string;
  /** Why, in words. */
  readonly because: string;
}

/** One tag, two images. */
export interface Shadowing {
  /** The private one. */
  readonly hosted: ShadowedImage;
  /** The public one. */
  readonly proxy: ShadowedImage;
}

/** An image that shares its tag with another one. */
export interface ShadowedImage {
  /** Of the upstream that has it. */
  readonly name: string;
  /** Of its manifest. */
  readonly digest: string;
}
