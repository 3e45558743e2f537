import type { AuthorizeHook } from "../authorize/hook.ts";
import type { Logger } from "../observe/logger.ts";
import type { MetricsConfig } from "./written-metrics.ts";
import type { PeersConfig } from "./written-peers.ts";
import type { RuleConfig } from "./written-rules.ts";

/**
 * What people type. Every default stands in `schema.ts`, which parses this into `CompleteConfig`.
 * Durations are milliseconds throughout.
 */
export interface CombinedRegistryConfig {
  /** The private registry that people push to: its URL, or a table of options. @example "http://registry:5000" */
  hosted: string | HostedConfig;

  /**
   * The pull-through caches, asked in order: a URL, a table of options, or a list of either.
   * A single one without a name is called `proxy`; in a list, unnamed ones are `proxy-1`, `proxy-2`, ...
   * @example ["http://docker-hub-cache:5000", { "name": "ghcr", "url": "http://ghcr-cache:5000" }]
   */
  proxy: string | ProxyConfig | readonly (string | ProxyConfig)[];

  /**
   * Which upstreams must answer 200 at their `/v2/` for the router's own `/v2/` to answer 200:
   * every one, hosted alone, or at least one.
   * @default "all"
   */
  base?: "all" | "hosted" | "any";

  /**
   * What holds for which names, tried in order. For a name that no rule is for, proxies are asked in order, then hosted,
   * and pushes go to hosted.
   * @default []
   * @example [{ "match": "corp/**", "pull": ["hosted"] }]
   */
  rules?: readonly RuleConfig[];

  /**
   * Who answers `tags/list`. `first`: hosted, and for a repository that hosted does not know the
   * proxies in order. `hosted`: hosted alone. `merge`: all of them, joined, the catalog as well;
   * one that fails is named in a `Warning`.
   * @default "first"
   */
  lists?: "first" | "hosted" | "merge";

  /**
   * Copy from proxies to hosted what a push relies on and hosted lacks: layers that the client did not upload because it was
   * told that they exist.
   * @default true
   */
  copy?: boolean;

  /**
   * Addresses and CIDR ranges of the load balancers whose `X-Forwarded-*` and `Forwarded` headers are
   * believed. From anybody else they are replaced.
   * @default []
   * @example ["10.0.0.0/8", "::1"]
   */
  trustProxy?: readonly string[];

  /**
   * The name this router gives itself in `Via`, by which it recognises its own requests coming back
   * (answered 508). Replicas behind one address may share it; two routers in a row must not.
   * @default "combined-registry-" and eight random hex digits
   * @example "registry.example.com"
   */
  via?: string;

  /**
   * Tell in `X-Combined-Registry` which upstream answered and why.
   * @default true
   */
  decisionHeader?: boolean;

  /** What is remembered of what registries have. */
  memory?: MemoryConfig;

  /** Limits on what one client may cost. */
  limits?: LimitsConfig;

  /** Metrics beyond the router's own. */
  metrics?: MetricsConfig;

  /**
   * Who may see `/healthcheck`, `/livez`, `/readyz` and `/metrics`: everybody, those whom `authorize` lets, or
   * nobody (`off`, for a host application that has pages of its own at these paths).
   * @default "open"
   */
  operations?: "open" | "protected" | "off";

  /** The other processes that do the same as this one, where several serve one port. */
  peers?: PeersConfig;

  /**
   * Decides on every `/v2/` request before any upstream hears of it. Without one, everybody may do
   * everything. Not to be combined with `hosted.auth: "passthrough"`.
   */
  authorize?: AuthorizeHook;

  /** Receives one line per request and what goes wrong. Any pino-shaped logger. */
  logger?: Logger;
}

/** One registry behind the router. */
export interface UpstreamConfig {
  /**
   * What the upstream is called in metrics, logs, errors and `X-Combined-Registry`: lower-case letters,
   * digits, `.`, `_` and `-`, beginning with a letter.
   * @default "hosted" or "proxy"
   * @example "dockerhub"
   */
  name?: string;

  /**
   * Where it is: `http://` or `https://`, without user, query or fragment. A path is put before `/v2/`.
   * @example "http://registry-hosted:5000"
   */
  url: string;

  /** How its certificate is checked, and what the router shows of its own. */
  tls?: UpstreamTlsConfig;

  /** How long it may take. */
  timeouts?: TimeoutsConfig;

  /**
   * What happens to its redirects (to object storage, say): passed to the client, or followed here,
   * without credentials.
   * @default "pass"
   */
  redirects?: "pass" | "follow";

  /** When it is left out because it does not answer; `false`: never. */
  breaker?: BreakerConfig | false;

  /** How many requests may wait for the head of an answer. Beyond, the next upstream is asked, or 503 is answered. */
  lookups?: LookupsConfig;

  /**
   * Host names, without port, under which clients reach this registry alone.
   * @default []
   * @example ["hosted.example.com"]
   */
  hosts?: readonly string[];
}

/** The private registry. */
export interface HostedConfig extends UpstreamConfig {
  /**
   * The router's own credentials, or `"passthrough"`: the client's `Authorization` goes to hosted as it
   * is, and hosted's challenges reach the client. Without either, the client's credentials go nowhere.
   */
  auth?: CredentialsConfig | "passthrough";
}

/** A pull-through cache, or a public registry itself. */
export interface ProxyConfig extends UpstreamConfig {
  /** The router's own credentials. Without them a registry that asks for a token is asked for an anonymous one. */
  auth?: CredentialsConfig;

  /**
   * The registry whose content it has, as containerd calls it when it asks a mirror (`?ns=docker.io`): such requests go to
   * this proxy alone.
   * @example "ghcr.io"
   */
  namespace?: string;

  /**
   * Ask it for `library/nginx` when the client says `nginx`, as Docker Hub is to be asked.
   * @default false
   */
  libraryPrefix?: boolean;

  /**
   * Patterns over the names that it is asked for, as in rules.
   * @default "**"
   * @example ["library/**", "bitnami/*"]
   */
  match?: string | readonly string[];
}

/** A user of an upstream: sent as Basic, or exchanged for tokens where the upstream asks for Bearer. */
export interface CredentialsConfig {
  /** The user, without a colon, which would end it (RFC 7617). @example "router" */
  username: string;
  /** The password. @example "${HOSTED_PASSWORD}" */
  password: string;
}

/** TLS towards an upstream. PEM text, not file names. */
export interface UpstreamTlsConfig {
  /** Certificates that may sign the upstream's, in place of the system's; and, beside those, its token endpoint's. @example "${INTERNAL_CA}" */
  ca?: string;
  /** The router's client certificate; needs `key`. @example "${CLIENT_CERTIFICATE}" */
  cert?: string;
  /** The private key of `cert`. @example "${CLIENT_KEY}" */
  key?: string;
  /** The name to expect in the upstream's certificate. @default the URL's host @example "registry.internal" */
  serverName?: string;
  /** `false` accepts any certificate. @default true */
  verify?: boolean;
}

/** Milliseconds, each at least 1. */
export interface TimeoutsConfig {
  /** Until a connection stands, TLS included. @default 5000 @example 2000 */
  connect?: number;
  /** From a lookup's request to its response headers. @default 30000 @example 20000 */
  headers?: number;
  /** Without a byte of a response body. @default 60000 @example 30000 */
  idle?: number;
  /** From the last byte of an upload to its response headers; large layers take hosted a while. @default 900000 @example 1800000 */
  write?: number;
  /** For the whole of a `/v2/` asked for on behalf of health checks and of clients that log in. @default 5000 @example 2000 */
  ping?: number;
}

/**
 * When an upstream is left out: lookups then go on to the next one at once. A request that failed is repeated in the
 * background until it is answered.
 */
export interface BreakerConfig {
  /** Failures in a row (no connection, no answer, 502, 503, 504), or so many late ones within a while. @default 5 @example 3 */
  failures?: number;
  /** Milliseconds until it is tried again; doubled with each try in vain. @default 1000 @example 500 */
  delay?: number;
  /** The longest such time, in milliseconds. @default 10000 @example 60000 */
  longestDelay?: number;
}

/** How many requests one upstream may keep waiting. */
export interface LookupsConfig {
  /** Asked at a time, each until the head of its answer is there. @default 256 @example 64 */
  concurrent?: number;
  /** Waiting for their turn. @default 1024 @example 256 */
  queued?: number;
}

/** Bounds of what is remembered of the content of registries. */
export interface MemoryConfig {
  /** How many places of digests to remember. 0 switches that off. @default 20000 @example 100000 */
  entries?: number;
  /** How long a place, and a manifest, is remembered. Milliseconds. @default 600000 @example 3600000 */
  ttl?: number;
  /** How long a proxy is believed that it has not got a tag. Milliseconds, at most a minute. 0 switches that off. @default 5000 @example 0 */
  absentTtl?: number;
  /** How many bytes of manifests to remember, to answer for their digests. 0 switches that off. @default 67108864 @example 268435456 */
  manifestBytes?: number;
}

/** Limits on clients. */
export interface LimitsConfig {
  /** Milliseconds a client may neither send nor take a byte while it is its turn. @default 300000 @example 60000 */
  clientIdle?: number;
}
