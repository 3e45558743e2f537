import { isIP } from "node:net";
import { z } from "zod";
import type { AuthorizeHook } from "../authorize/hook.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import { isPattern } from "../routing/patterns.ts";
import { defaultRule } from "../routing/policy.ts";
import type { MetricsPage } from "./complete.ts";
import type { Logger, PeersConfig } from "./options.ts";

// All options are checked here, and all defaults are here. Each message completes the sentence "<option>: expected ...".

const text = z.string("text").min(1, "text that is not empty");
const flag = z.boolean("true or false");
const count = z.int("a whole number, at least 1").min(1, "a whole number, at least 1");
const countOrNone = z.int("a whole number").min(0, "0 or more");
const milliseconds = z
  .int("a whole number of milliseconds, at least 1")
  .min(1, "a whole number of milliseconds, at least 1")
  .max(2 ** 31 - 1, "at most 2147483647 milliseconds")
  .meta({ "x-unit": "ms" });

function oneOf<const T extends string>(...values: readonly T[]) {
  return z.enum(values, `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`);
}

const listOfOne = (value: unknown) => (typeof value === "string" ? [value] : value);
const tableOfUrl = (value: unknown) => (typeof value === "string" ? { url: value } : value);

export const pattern = z
  .string("a pattern over repository names")
  .refine(
    isPattern,
    "a pattern over repository names such as team/** (lower case, * within a component, ** for any number of components)",
  );

export const patterns = z.preprocess(
  listOfOne,
  z.array(pattern, "a pattern over repository names, or a list of them").min(1, "at least one pattern"),
);

const user = z.string("a user's name").min(1, "a user's name");

const principals = z
  .union(
    [z.enum(["anonymous", "authenticated"]), z.array(user).min(1, "at least one user")],
    '"anonymous", "authenticated" or a list of users',
  )
  .optional();

const rule = z.strictObject(
  {
    match: patterns,
    pull: z
      .array(
        z.string('"hosted", "proxy" or the name of an upstream'),
        'a list of "hosted", "proxy" or names of upstreams',
      )
      .min(1, "at least one upstream")
      .default([...defaultRule.pull]),
    push: oneOf("hosted", "deny").optional(),
    onFailure: oneOf("continue", "stop").optional(),
    owned: flag.default(defaultRule.owned),
    shadow: oneOf("allow", "warn", "deny").default(defaultRule.shadow),
    access: z.strictObject({ pull: principals, push: principals }, "a table with pull and push").prefault({}),
  },
  "a table with match and the options of a rule",
);

export type ParsedRule = z.output<typeof rule>;

export const upstreamUrl = z.string("a URL such as http://registry:5000").superRefine((value, context) => {
  const problem = upstreamUrlProblem(value);
  if (problem !== undefined) {
    context.addIssue({ code: "custom", message: problem });
  }
});

function upstreamUrlProblem(value: string): string | undefined {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    return "a URL beginning with http:// or https://, such as http://registry:5000";
  }
  const { username, password, search, hash, hostname, pathname } = new URL(value);
  if (username !== "" || password !== "") {
    return "a URL without user and password (these go into auth)";
  }
  if (search !== "" || hash !== "") {
    return "a URL without query and fragment";
  }
  const registry = registriesOfSites.get(hostname);
  if (registry !== undefined) {
    return `https://${registry}, which is the registry of ${hostname}`;
  }
  if (/^\/+v2\/+[^/]/i.test(pathname)) {
    return "a URL that does not go on after /v2/ (the router adds /v2/ and the repository)";
  }
  return /^\/+v1(?:\/|$)|\/v1\/*$/i.test(pathname)
    ? "the address of a registry with the API of version 2, without /v1/ (the router adds /v2/)"
    : undefined;
}

/** Names that people know a registry by, and where none answers. */
const registriesOfSites: ReadonlyMap<string, string> = new Map([
  ["docker.io", "registry-1.docker.io"],
  ["www.docker.io", "registry-1.docker.io"],
  ["hub.docker.com", "registry-1.docker.io"],
  ["gallery.ecr.aws", "public.ecr.aws"],
]);

export const name = z
  .string("a name")
  .regex(/^[a-z][a-z0-9._-]{0,62}$/, "lower-case letters, digits, '.', '_' or '-', beginning with a letter")
  .refine((value) => value !== "router", "a name other than router, which stands for the router itself");

const credentials = z.strictObject(
  {
    // RFC 7617 2: the first colon ends the user name, so the rest would become part of the password.
    username: text.regex(/^[^:]*$/, "a user name without a colon"),
    password: z.string("text"),
  },
  "a table with username and password",
);

const timeouts = z
  .strictObject(
    {
      connect: milliseconds.default(5_000),
      headers: milliseconds.default(30_000),
      idle: milliseconds.default(60_000),
      write: milliseconds.default(900_000),
      ping: milliseconds.default(5_000),
    },
    "a table of milliseconds",
  )
  .prefault({});

export const tls = z
  .strictObject(
    {
      ca: text.optional(),
      cert: text.optional(),
      key: text.optional(),
      serverName: text.optional(),
      verify: flag.default(true),
    },
    "a table of TLS options",
  )
  .refine((value) => (value.cert === undefined) === (value.key === undefined), "cert and key together")
  .prefault({});

// `false` switches the breaker off. It is parsed as null, so that an error in a table names the option inside the table. A null in
// the configuration itself is an option without a value, and is refused.
export const breaker = z.preprocess(
  (value) => (value === null ? false : value === false ? null : value),
  z
    .strictObject(
      {
        failures: count.default(5),
        delay: milliseconds.default(1_000),
        longestDelay: milliseconds.default(10_000),
      },
      "false, or a table with failures, delay and longestDelay",
    )
    .refine(({ delay, longestDelay }) => delay <= longestDelay, {
      path: ["longestDelay"],
      message: "at least as many milliseconds as delay",
    })
    .nullable()
    .prefault({}),
);

const lookups = z
  .strictObject(
    { concurrent: count.default(256), queued: countOrNone.default(1_024) },
    "a table with concurrent and queued",
  )
  .prefault({});

const hostName = z
  .string("a host name")
  // DNS has no underscores, but names of containers do.
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, "a host name in lower case, without port");

// Those that decide about the message, the connection, the way back, or who the client is, are the router's own.
const reservedHeader =
  /^(?:accept-encoding|authorization|connection|content-length|cookie|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*)$/i;

const forwardedHeader = z
  .string("the name of a header")
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}$/, "the name of a header")
  .refine((name) => !reservedHeader.test(name), {
    message: "a header that the router does not set itself, and that is not for one connection alone",
  });

const upstream = {
  name: name.optional(),
  url: upstreamUrl,
  tls,
  timeouts,
  redirects: oneOf("pass", "follow").default("pass"),
  aliases: z.array(upstreamUrl, "a list of URLs").default([]),
  breaker,
  lookups,
  hosts: z.array(hostName, "a list of host names").default([]),
};

export const hosted = z.preprocess(
  tableOfUrl,
  z.strictObject(
    {
      ...upstream,
      auth: z
        .union(
          [z.literal("passthrough"), credentials],
          'a table with username and password, or "passthrough"',
        )
        .optional(),
      forwardHeaders: z.array(forwardedHeader, "a list of names of headers").default([]),
    },
    "a URL or a table with url",
  ),
);

export const proxy = z.preprocess(
  tableOfUrl,
  z.strictObject(
    {
      ...upstream,
      auth: credentials.optional(),
      namespace: z
        .string("a registry's host")
        .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, "a registry's host such as docker.io")
        .optional(),
      libraryPrefix: flag.default(false),
      match: patterns.prefault("**"),
    },
    "a URL or a table with url",
  ),
);

export const proxies = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(proxy, "a URL, a table with url, or a list of these").min(1, "at least one upstream"),
);

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

function hasFunctions(value: unknown, ...names: readonly string[]): boolean {
  return (
    typeof value === "object" && value !== null && names.every((key) => isFunction(Reflect.get(value, key)))
  );
}

const peers = z.custom<PeersConfig>(
  (value) => hasFunctions(value, "withLock", "publish"),
  "an object with withLock and publish functions",
);
const logger = z.custom<Logger>(
  (value) => hasFunctions(value, "debug", "info", "warn", "error"),
  "an object with debug, info, warn and error functions",
);

export const configSchema = z.strictObject(
  {
    hosted,
    proxy: proxies,
    base: oneOf("all", "hosted", "any").default("all"),
    rules: z.array(rule, "a list of rules").default([]),
    lists: oneOf("first", "hosted", "merge").default("first"),
    copy: flag.default(true),
    trustProxy: z.array(address, "a list of addresses").default([]),
    via: z
      .string("a name")
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "letters, digits, '.', '_' or '-'")
      .optional(),
    decisionHeader: flag.default(true),
    memory: z
      .strictObject(
        {
          entries: countOrNone.default(20_000),
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
        {
          process: flag.default(false),
          page: z.custom<MetricsPage>(isFunction, "a function").optional(),
        },
        "a table",
      )
      .prefault({}),
    operations: oneOf("open", "protected", "off").default("open"),
    statusPage: flag.optional(),
    authorize: z.custom<AuthorizeHook>(isFunction, "a function").optional(),
    peers: peers.optional(),
    onDecision: z.custom<(record: DecisionRecord) => void>(isFunction, "a function").optional(),
    logger: logger.optional(),
  },
  "a table of options",
);

export type ParsedConfig = z.output<typeof configSchema>;
