import { type ConfigProblem, serverOptions } from "@combined-registry/core";
import { z } from "zod";
import { defaults, logFormats, logLevels } from "../defaults.ts";
import type { Table } from "./table.ts";
import type { OwnConfig } from "./written-own.ts";

// The options of the program itself. All other options are the router's.

const fileName = z.string("a file name").min(1, "a file name");
const portMessage = "a port number from 0 to 65535";
const workersMessage = "a whole number from 1 to 256, or auto";

// A text comes from a flag or the environment, in seconds.
const seconds = /^(?!0+$)\d{1,6}$/;
const secondsMessage = "a whole number of seconds from 1 to 999999";
const millisecondsMessage = "a whole number of milliseconds, at least 1";

const milliseconds = z
  .int(millisecondsMessage)
  .min(1, millisecondsMessage)
  .max(2 ** 31 - 1, "at most 2147483647 milliseconds")
  .meta({ "x-unit": "ms" });

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

/** Environment, flags and "${PORT}" in a file give numbers as text. */
function fromDigits(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
}

/** The options as people write them, with their defaults. */
export const ownSchema = z.object({
  $schema: z.string("text").optional(),
  host: z
    .string("a host name or address")
    .regex(/^[^\s/@[\]]+$/, "a host name or address without port and brackets")
    .default(defaults.host),
  port: z.preprocess(
    fromDigits,
    z.int(portMessage).min(0, portMessage).max(65_535, portMessage).default(defaults.port),
  ),
  workers: z.preprocess(
    fromDigits,
    z
      .union(
        [z.literal("auto"), z.int(workersMessage).min(1, workersMessage).max(256, workersMessage)],
        workersMessage,
      )
      .default(defaults.workers),
  ),
  tls: z
    .strictObject({ certFile: fileName, keyFile: fileName }, "a table with certFile and keyFile")
    .optional(),
  auth: z
    .strictObject(
      {
        htpasswdFile: fileName,
        realm: z
          .string("text")
          .regex(/^[\x20-\x7e]+$/, "printable ASCII characters")
          .optional(),
        throttle: z.boolean("true or false").default(true),
      },
      "a table with htpasswdFile",
    )
    .optional(),
  maxConnections: z
    .int("a whole number, at least 1")
    .min(1, "a whole number, at least 1")
    .default(defaults.maxConnections),
  headersTimeout: milliseconds.default(serverOptions.headersTimeout),
  drain: z
    .strictObject(
      {
        timeout: z.preprocess(
          (value) => (typeof value === "string" && seconds.test(value) ? Number(value) * 1000 : value),
          z
            .int({ error: ({ input }) => (typeof input === "string" ? secondsMessage : millisecondsMessage) })
            .min(1, millisecondsMessage)
            .max(2 ** 31 - 1, "at most 2147483647 milliseconds")
            .meta({ "x-unit": "ms" })
            .default(defaults.drainTimeout),
        ),
        delay: z
          .int("a whole number of milliseconds")
          .min(0, "0 or more milliseconds")
          .max(600_000, "at most 600000 milliseconds")
          .meta({ "x-unit": "ms" })
          .default(0),
      },
      "a table with timeout and delay",
    )
    .prefault({}),
  reload: z.enum(["watch", "signal"], "one of watch, signal").default("watch"),
  logLevel: z.enum(logLevels, `one of ${logLevels.join(", ")}`).default(defaults.logLevel),
  logFormat: z.enum(logFormats, `one of ${logFormats.join(", ")}`).default(defaults.logFormat),
} satisfies Record<keyof OwnConfig, z.ZodType>);

/** The program's own options with their defaults. */
export type CompleteOwnConfig = z.output<typeof ownSchema>;

type OwnResult =
  | { readonly own: CompleteOwnConfig; readonly problems: readonly [] }
  | { readonly own: undefined; readonly problems: readonly ConfigProblem[] };

/** Splits a configuration into the options of the program and those of the router. */
export function divide(written: Table): { own: Table; router: Table } {
  const isOwn = ([key]: readonly [string, unknown]) => Object.hasOwn(ownSchema.shape, key);
  const entries = Object.entries(written);
  return {
    own: Object.fromEntries(entries.filter(isOwn)),
    router: Object.fromEntries(entries.filter((entry) => !isOwn(entry))),
  };
}

/** Checks the program's own options and fills in defaults. */
export function parseOwn(written: Table): OwnResult {
  const parsed = ownSchema.safeParse(written);
  if (parsed.success) {
    return { own: parsed.data, problems: [] };
  }
  const problems = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => problemAt([...issue.path, key], "no such option", written))
      : [problemAt(issue.path, issue.message, written)],
  );
  return { own: undefined, problems };
}

function problemAt(path: readonly PropertyKey[], expected: string, written: Table): ConfigProblem {
  const value = path.reduce<unknown>(
    (table, key) => (typeof table === "object" && table !== null ? Reflect.get(table, key) : undefined),
    written,
  );
  return { option: path.join("."), expected, given: describe(value) };
}

function describe(value: unknown): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  return typeof value === "object" && value !== null ? "a table or list" : JSON.stringify(value);
}
