import type { FoundShadow } from "../cache/shadowed-tags.ts";
import type { Explanation } from "../inspect/explanation.ts";
import type { HourOf } from "../observe/activity.ts";
import type { UpstreamHealth } from "../observe/health.ts";

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.5 MiB` */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `12 s ago` */
export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) {
    return `${seconds} s ago`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

/** `12,345` */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** `sha256:0123456789ab`, which is enough to tell digests apart by eye. */
export function shortDigest(text: string): string {
  return text.replace(/([a-z0-9]+:[0-9a-f]{12})[0-9a-f]{20,}/g, "$1…");
}

/** Everything that the status page shows to one person at one moment. */
export interface Model {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly version: string;
  /** Its id, if this is one of several processes behind one address. */
  readonly oneOfSeveral: number | undefined;
  /** Whether `/metrics` is there, and of all processes. */
  readonly hasMetricsOfAll: boolean;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly (UpstreamHealth & { readonly hour: HourOf })[];
  /** What the router answered by itself. */
  readonly router: HourOf;
  /** Undefined where nobody can tell here who may see which names. */
  readonly names: Names | undefined;
}

/** What has names of repositories in it: of those alone that the person may pull. */
export interface Names {
  /** Whether there may be others. */
  readonly restricted: boolean;
  /** The latest first. */
  readonly decisions: readonly ShownDecision[];
  /** The latest first. */
  readonly shadows: readonly FoundShadow[];
  readonly box: Box;
}

/** A decision as people read it. */
export interface ShownDecision {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `GET manifest`, say. */
  readonly what: string;
  /** `team/app:1.2`, or a repository alone. */
  readonly of: string;
  readonly status: number;
  readonly upstream: string;
  readonly reason: string;
}

/** The box that explains an image. */
export interface Box {
  /** What was asked for, as it was written. */
  readonly image: string;
  readonly answer: BoxAnswer | undefined;
}

/** What the box says. */
export type BoxAnswer =
  | { readonly kind: "refused"; readonly message: string }
  | {
      readonly kind: "explained";
      readonly explanation: Explanation;
      readonly pull: string;
      /** Undefined if it cannot be pushed, or not by this person. */
      readonly push: string | undefined;
    };
