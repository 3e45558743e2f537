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
  /** How many ask for it at a time, each of whom gets the same answer; whoever is asked is asked once. @default 1 */
  readonly together?: number;
  readonly status: number;
  /** Whose answer it is; the router's own if nobody is named. */
  readonly by?: string;
  /** Everybody who was asked for anything, in the order of the configuration. */
  readonly asked: readonly Side[];
  readonly warned?: boolean;
}

export const everybody: readonly Side[] = ["hub", "other", "hosted"];
export const none = `sha256:${"0".repeat(64)}`;
export const broken: Fault = { status: 500 };
export const merge = { lists: "merge" } as const;
export const manifest = { "Content-Type": manifestType };

/** Rules for all names but where they say otherwise, and without checks for shadowed tags. */
export function rules(...written: readonly object[]): NonNullable<Setting["router"]> {
  return { rules: written.map((rule) => ({ match: "**", shadow: "allow" as const, ...rule })) };
}
