import type { Fault } from "@combined-registry/testkit";
import { manifestType } from "../support/push.ts";
import type { Seeded, Setting, Side } from "./sides.ts";

/** A request under a setting, and what becomes of it. */
export interface Row extends Setting {
  readonly rule: string;
  /** Method and target; `{own}`, `{ownLayer}`, `{hub}` and `{hubLayer}` stand for digests. */
  readonly ask: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: (seeded: Seeded) => string;
  /** Targets that were asked for with GET before. */
  readonly after?: readonly string[];
  /** How many clients send it at the same time. Each gets the same response, and each upstream is asked once. @default 1 */
  readonly together?: number;
  readonly status: number;
  /** The upstream that the response is from; the router itself unless given. */
  readonly by?: string;
  /** The upstreams that got a request, in the order of the configuration. */
  readonly asked: readonly Side[];
  readonly warned?: boolean;
}

export const all: readonly Side[] = ["hub", "other", "hosted"];
export const none = `sha256:${"0".repeat(64)}`;
export const broken: Fault = { status: 500 };
export const merge = { lists: "merge" } as const;
export const manifest = { "Content-Type": manifestType };

/** Rules for all names but where they say otherwise, and without checks for shadowed tags. */
export function rules(...written: readonly object[]): NonNullable<Setting["router"]> {
  return { rules: written.map((rule) => ({ match: "**", shadow: "allow" as const, ...rule })) };
}
