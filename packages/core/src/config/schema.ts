import { isIP } from "node:net";
import { z } from "zod";
import type { AuthorizeHook } from "../authorize/hook.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import type { MetricsPage } from "./complete.ts";
import type { Logger, PeersConfig } from "./options.ts";
import { milliseconds, rule } from "./rule-schema.ts";
import { hosted, proxies } from "./upstream-schema.ts";

// This and the other schemas are the one place where options are checked and defaults stand. `expected` sentences end
// "<option>: expected ...", so they say what would be right.

export const address = z
  .string("an address or a CIDR range")
  .refine(isAddressRange, "an IP address or a CIDR range such as 10.0.0.0/8");

function isAddressRange(value: string): boolean {
  const [ip = "", prefix, ...rest] = value.split("/");
  const version = isIP(ip);
  if (version === 0 || rest.length > 0) {
    return false;
  }
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

const isFunction = (value: unknown) => typeof value === "function";
const functionHook = z.custom<AuthorizeHook>(isFunction, "a function");
const decisionHook = z.custom<(record: DecisionRecord) => void>(isFunction, "a function");
const peers = z.custom<PeersConfig>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    ["withLock", "publish"].every((name) => isFunction(Reflect.get(value, name))),
  "an object with withLock and publish functions",
);
const metricsPage = z.custom<MetricsPage>(isFunction, "a function");

const logger = z.custom<Logger>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    ["debug", "info", "warn", "error"].every((level) => typeof Reflect.get(value, level) === "function"),
  "an object with debug, info, warn and error functions",
);

/** What people type, with its defaults. */
export const configSchema = z.strictObject(
  {
    hosted,
    proxy: proxies,
    base: z.enum(["all", "hosted", "any"], 'one of "all", "hosted", "any"').default("all"),
    rules: z.array(rule, "a list of rules").default([]),
    lists: z.enum(["first", "hosted", "merge"], 'one of "first", "hosted", "merge"').default("first"),
    copy: z.boolean("true or false").default(true),
    trustProxy: z.array(address, "a list of addresses").default([]),
    via: z
      .string("a name")
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "letters, digits, '.', '_' or '-'")
      .optional(),
    decisionHeader: z.boolean("true or false").default(true),
    memory: z
      .strictObject(
        {
          entries: z.int("a whole number").min(0, "0 or more").default(20_000),
          ttl: milliseconds.default(600_000),
          absentTtl: z
            .int("a whole number of milliseconds")
            .min(0, "0 or more milliseconds")
            .max(60_000, "at most 60000 milliseconds")
            .meta({ "x-unit": "ms" })
            .default(5_000),
          manifestBytes: z
            .int("a whole number of bytes")
            .min(0, "0 or more")
            .meta({ "x-unit": "bytes" })
            .default(64 * 1024 * 1024),
        },
        "a table",
      )
      .prefault({}),
    limits: z.strictObject({ clientIdle: milliseconds.default(300_000) }, "a table").prefault({}),
    metrics: z
      .strictObject(
        { process: z.boolean("true or false").default(false), page: metricsPage.optional() },
        "a table",
      )
      .prefault({}),
    operations: z.enum(["open", "protected", "off"], 'one of "open", "protected", "off"').default("open"),
    statusPage: z.boolean("true or false").optional(),
    authorize: functionHook.optional(),
    peers: peers.optional(),
    onDecision: decisionHook.optional(),
    logger: logger.optional(),
  },
  "a table of options",
);

/** What the schema makes of a written configuration. */
export type ParsedConfig = z.output<typeof configSchema>;
