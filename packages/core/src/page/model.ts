import type { FoundShadow } from "../cache/shadowed-tags.ts";
import type { Explanation } from "../inspect/explanation.ts";
import type { HourOf } from "../observe/activity.ts";
import type { UpstreamHealth } from "../observe/health.ts";

/** Everything that the status page shows to one client at one moment. */
export interface Model {
  readonly now: number;
  readonly version: string;
  readonly oneOfSeveral: number | undefined;
  /** Whether `/metrics` is on and covers all processes. */
  readonly hasMetricsOfAll: boolean;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly (UpstreamHealth & { readonly hour: HourOf })[];
  /** Counts of the answers that the router gave without an upstream. */
  readonly router: HourOf;
  /** Undefined if the router cannot know who may see which names. */
  readonly names: Names | undefined;
}

/** The parts that name repositories: only those that the client may pull. */
export interface Names {
  /** Whether others may be hidden. */
  readonly restricted: boolean;
  readonly decisions: readonly ShownDecision[];
  readonly shadows: readonly FoundShadow[];
  readonly box: Box;
}

export interface ShownDecision {
  readonly at: number;
  /** Method and kind of resource, such as `GET manifest`. */
  readonly what: string;
  /** The resource: `team/app:1.2`, or a repository alone. */
  readonly of: string;
  readonly status: number;
  readonly upstream: string;
  readonly reason: string;
}

export interface Box {
  readonly image: string;
  readonly answer: BoxAnswer | undefined;
}

export type BoxAnswer =
  | { readonly kind: "refused"; readonly message: string }
  | {
      readonly kind: "explained";
      readonly explanation: Explanation;
      readonly pull: string;
      /** A command; undefined if the image cannot be pushed, or not by this client. */
      readonly push: string | undefined;
    };
