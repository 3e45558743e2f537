import { z } from "zod";
import { isPattern } from "../routing/patterns.ts";
import { defaultRule } from "../routing/policy.ts";

/** A time that somebody waits. */
export const milliseconds = z
  .int("a whole number of milliseconds, at least 1")
  .min(1, "a whole number of milliseconds, at least 1")
  .max(2 ** 31 - 1, "at most 2147483647 milliseconds")
  .meta({ "x-unit": "ms" });

/** A pattern over repository names. */
export const pattern = z
  .string("a pattern over repository names")
  .refine(
    isPattern,
    "a pattern over repository names such as team/** (lower case, * within a component, ** for any number of components)",
  );

const alone = (value: unknown) => (typeof value === "string" ? [value] : value);

/** One pattern, or a list of them. */
export const patterns = z.preprocess(
  alone,
  z.array(pattern, "a pattern over repository names, or a list of them").min(1, "at least one pattern"),
);

const upstreamName = z.string('"hosted", "proxy" or the name of an upstream');

const user = z.string("a user's name").min(1, "a user's name");

const who = z
  .union(
    [z.enum(["anonymous", "authenticated"]), z.array(user).min(1, "at least one user")],
    '"anonymous", "authenticated" or a list of users',
  )
  .optional();

/** A rule, with its defaults. */
export const rule = z.strictObject(
  {
    match: patterns,
    pull: z
      .array(upstreamName, 'a list of "hosted", "proxy" or names of upstreams')
      .min(1, "at least one upstream")
      .default([...defaultRule.pull]),
    push: z.enum(["hosted", "deny"], 'one of "hosted", "deny"').optional(),
    onFailure: z.enum(["continue", "stop"], 'one of "continue", "stop"').default(defaultRule.onFailure),
    owned: z.boolean("true or false").default(defaultRule.owned),
    shadow: z.enum(["allow", "warn", "deny"], 'one of "allow", "warn", "deny"').default(defaultRule.shadow),
    access: z.strictObject({ pull: who, push: who }, "a table with pull and push").prefault({}),
  },
  "a table with match and the options of a rule",
);

/** What the schema makes of a rule. */
export type ParsedRule = z.output<typeof rule>;
