import { z } from "zod";
import { milliseconds, patterns } from "./rule-schema.ts";

// The options of upstreams: see schema.ts.

export const upstreamUrl = z.string("a URL such as http://registry:5000").superRefine((text, context) => {
  const problem = upstreamUrlProblem(text);
  if (problem !== undefined) {
    context.addIssue({ code: "custom", message: problem });
  }
});

function upstreamUrlProblem(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    return "a URL beginning with http:// or https://, such as http://registry:5000";
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    return "a URL without user and password (these go into auth)";
  }
  return url.search === "" && url.hash === "" ? undefined : "a URL without query and fragment";
}

const text = z.string("text").min(1, "text that is not empty");

export const name = z
  .string("a name")
  .regex(/^[a-z][a-z0-9._-]{0,62}$/, "lower-case letters, digits, '.', '_' or '-', beginning with a letter")
  .refine((value) => value !== "router", "a name other than router, which stands for the router itself");

const credentials = z.strictObject(
  {
    // RFC 7617 2: the first colon ends it, and the rest would be taken for the password.
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
      verify: z.boolean("true or false").default(true),
    },
    "a table of TLS options",
  )
  .refine((value) => (value.cert === undefined) === (value.key === undefined), "cert and key together")
  .prefault({});

const count = z.int("a whole number, at least 1").min(1, "a whole number, at least 1");

// `false` switches it off. Read as null, so that what is wrong inside a table is said of the option inside; a null that was
// written is an option left empty, and is refused.
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
    {
      concurrent: count.default(256),
      queued: z.int("a whole number").min(0, "0 or more").default(1_024),
    },
    "a table with concurrent and queued",
  )
  .prefault({});

const hostName = z
  .string("a host name")
  // Underscores are none of DNS's, but names of containers have them.
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, "a host name in lower case, without port");

const upstream = {
  name: name.optional(),
  url: upstreamUrl,
  tls,
  timeouts,
  redirects: z.enum(["pass", "follow"], 'one of "pass", "follow"').default("pass"),
  breaker,
  lookups,
  hosts: z.array(hostName, "a list of host names").default([]),
};

/** A URL alone stands for a table that has nothing else. */
const urlAlone = (value: unknown) => (typeof value === "string" ? { url: value } : value);

export const hosted = z.preprocess(
  urlAlone,
  z.strictObject(
    {
      ...upstream,
      auth: z
        .union(
          [z.literal("passthrough"), credentials],
          'a table with username and password, or "passthrough"',
        )
        .optional(),
    },
    "a URL or a table with url",
  ),
);

export const proxy = z.preprocess(
  urlAlone,
  z.strictObject(
    {
      ...upstream,
      auth: credentials.optional(),
      namespace: z
        .string("a registry's host")
        .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, "a registry's host such as docker.io")
        .optional(),
      libraryPrefix: z.boolean("true or false").default(false),
      match: patterns.prefault("**"),
    },
    "a URL or a table with url",
  ),
);

export const proxies = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(proxy, "a URL, a table with url, or a list of these").min(1, "at least one upstream"),
);
