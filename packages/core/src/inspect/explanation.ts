/** Why an image comes from where it does: the rule, the answer of each upstream, and what a pull and a push get. */
export interface Explanation {
  /** The name as given. */
  readonly image: string;
  /** The name without host, tag and digest. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  /** The host at the beginning of the name; undefined if there was none. */
  readonly host?: ExplainedHost;
  /** The rule that decides which upstreams are asked. */
  readonly rule: ExplainedRule;
  /** The answers of the upstreams that a pull may ask, in the order in which it asks them. */
  readonly upstreams: readonly UpstreamAnswer[];
  /** The upstreams that were not asked, because a pull does not ask them. */
  readonly skipped: readonly SkippedUpstream[];
  /** What a pull gets now. */
  readonly pull: ExplainedPull;
  /** The upstreams whose failure ends a pull of this reference, although others come after them. */
  readonly stopsAfterFailureOf: readonly string[];
  /** What a push gets. Nothing is pushed to find out. */
  readonly push: ExplainedPush;
  /** The proxies that have another digest for the tag than hosted. */
  readonly shadowing: readonly Shadowing[];
  /** What to do about each problem, one sentence each. Empty without problems. */
  readonly advice: readonly string[];
}

/** The host in an image's name: it is an upstream's `hosts` or a proxy's `namespace`; any other host is ignored. */
export interface ExplainedHost {
  /** With its port, if there is one, in lower case. */
  readonly name: string;
  /** The option that has this host; `nothing` if none has it, and it is ignored. */
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
  /** The names of the upstreams that a pull may ask, in order. */
  readonly pull: readonly string[];
  /** Where a push goes. */
  readonly push: "hosted" | "deny";
  /** Whether a pull continues with the next upstream after a failure; undefined if the rule does not say. */
  readonly onFailure?: "continue" | "stop";
  /** Whether only hosted is asked for repositories that it has. */
  readonly owned: boolean;
  /** What happens to a push of a tag that a proxy has with another digest. */
  readonly shadow: "allow" | "warn" | "deny";
  /** The clients that may use the repository. */
  readonly access: {
    /** Who may pull. */
    readonly pull: ExplainedAccess;
    /** Who may push and delete. */
    readonly push: ExplainedAccess;
  };
}

/** The permitted clients: all (`anonymous`), all that are logged in, all that the `authorize` hook permits, or these users. */
export type ExplainedAccess = "anonymous" | "authenticated" | "authorize" | readonly string[];

/** One upstream's answer, asked just now. */
export interface UpstreamAnswer {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** Which side it is on. */
  readonly kind: "hosted" | "proxy";
  /** The name of the repository there: with `libraryPrefix`, `nginx` is `library/nginx`. */
  readonly repository: string;
  /**
   * - `found`: it has the image;
   * - `not_found`: it does not have the image;
   * - `failed`: it did not answer, or its answer does not say;
   * - `final`: hosted refused the request itself, and clients get this answer unchanged.
   */
  readonly outcome: "found" | "not_found" | "failed" | "final";
  /** The method of the request: `HEAD`, or `GET` if the answer to HEAD proved nothing. */
  readonly method: "HEAD" | "GET";
  /** Undefined if there was no answer. */
  readonly status?: number;
  /** The digest of its manifest; undefined if it has none, or does not say. */
  readonly digest?: string;
  /** The media type of its manifest; undefined if it has none, or does not say. */
  readonly mediaType?: string;
  /** Milliseconds until the answer was complete. */
  readonly latency: number;
  /** Why it failed; undefined if it did not. */
  readonly cause?: string;
  /** State of its circuit breaker: requests ask the upstream (`closed`), skip it after failures (`open`), or a probe is in flight (`half-open`). */
  readonly breaker: "closed" | "half-open" | "open";
}

/** An upstream that a pull does not ask. */
export interface SkippedUpstream {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** Which side it is on. */
  readonly kind: "hosted" | "proxy";
  /** Why a pull does not ask it, in words. */
  readonly reason: string;
}

/** What a pull gets. */
export interface ExplainedPull {
  /** The name of the upstream that serves it; undefined if none does. */
  readonly from?: string;
  /** The status that the client gets. */
  readonly status: number;
  /** Why, in words. */
  readonly because: string;
}

/** What a push gets. */
export interface ExplainedPush {
  /** The name of the upstream that it goes to; undefined if it is denied. */
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
  /** The name of the upstream that has it. */
  readonly name: string;
  /** The digest of its manifest. */
  readonly digest: string;
}
