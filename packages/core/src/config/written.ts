import type { AuthorizeHook } from "../authorize/hook.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import type { Logger } from "../observe/logger.ts";
import type { MetricsConfig } from "./written-metrics.ts";
import type { PeersConfig } from "./written-peers.ts";
import type { RuleConfig } from "./written-rules.ts";
import type { HostedConfig, ProxyConfig } from "./written-upstreams.ts";

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

  /**
   * A page for people at `/`, for browsers alone: how the upstreams are, what was decided lately, why an image is where it is. Where
   * there is an `authorize`, it is asked first (`operations`), and names are shown to those who may pull them.
   * @default true where the router answers alone, false where it is given a `next`: `/` is the application's then
   */
  statusPage?: boolean;

  /** The other processes that do the same as this one, where several serve one port. */
  peers?: PeersConfig;

  /**
   * Decides on every `/v2/` request before any upstream hears of it. Without one, everybody may do
   * everything. Not to be combined with `hosted.auth: "passthrough"`.
   */
  authorize?: AuthorizeHook;

  /**
   * Called once for each answered request, after its response has closed, with the record that the access log writes: for audit
   * logs, metrics of your own, or tests. What it throws, or rejects with, is logged as an error and changes nothing about the request.
   * It is called on the event loop between requests, so it should return soon.
   * @default none
   */
  onDecision?: (record: DecisionRecord) => void;

  /** Receives one line per request and what goes wrong. Any pino-shaped logger. */
  logger?: Logger;
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
