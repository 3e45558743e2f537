import type { AuthorizeHook } from "../authorize/hook.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import type { HostedConfig, ProxyConfig } from "./upstream-options.ts";

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

  /** What is cached of what registries have. */
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

/** Bounds of what is cached of the content of registries. */
export interface MemoryConfig {
  /** How many location hints (which upstream has which digest) to keep. 0 switches that off. @default 20000 @example 100000 */
  entries?: number;
  /** How long a location hint, and a manifest, is cached. Milliseconds. @default 600000 @example 3600000 */
  ttl?: number;
  /** How long a proxy is believed that it has not got a tag. Milliseconds, at most a minute. 0 switches that off. @default 5000 @example 0 */
  absentTtl?: number;
  /** How many bytes of manifests to cache, to answer for their digests. 0 switches that off. @default 67108864 @example 268435456 */
  manifestBytes?: number;
}

/** Limits on clients. */
export interface LimitsConfig {
  /** Milliseconds a client may neither send nor take a byte while it is its turn. @default 300000 @example 60000 */
  clientIdle?: number;
}

/** Choices for `/metrics`. */
export interface MetricsConfig {
  /** Add Node's process metrics (`process_*`, `nodejs_*`): for a process that is the router's own. @default false */
  process?: boolean;

  /**
   * What `/metrics` answers in place of this process's own metrics: for a program of several processes behind one port, of
   * which any may be asked. `aggregateMetrics` makes it out of what each has in `handler.metrics`.
   */
  page?: () => Promise<string>;
}

/** What several processes in front of the same registries need of each other. */
export interface PeersConfig {
  /**
   * Does work that must not run twice at a time under one key, in none of the processes: what reads, changes and writes back an
   * index of referrers at hosted. Within one process it is kept apart anyway.
   */
  withLock: <T>(key: string, work: () => Promise<T>) => Promise<T>;

  /**
   * Sends a change to all others, for their `handler.invalidate`: what they have cached may not hold any more. The client that made it is
   * answered when this resolves, and also if it rejects.
   */
  publish: (change: ManifestChange) => Promise<void>;
}

/** A manifest was pushed or deleted, or may have been. Plain data. */
export interface ManifestChange {
  /** What was done to it. */
  readonly kind: "put" | "deleted";
  /** In which repository of hosted. */
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  /** Whether `reference` is a digest. */
  readonly byDigest: boolean;
  /** Of what was pushed. */
  readonly digest?: string;
}

/** What holds for the repositories that `match` is for. The first rule that matches a name is the name's only rule. */
export interface RuleConfig {
  /**
   * One pattern over repository names, or several: `*` stands for any part of a component, `**` for any number of
   * components, none included. `corp/**` is `corp` and everything below it.
   * @example ["corp/**", "team-*\/app"]
   */
  match: string | readonly string[];

  /**
   * Whom to ask for what they have, in order: `hosted`, `proxy` (every proxy, in order), or an upstream's name. Nobody else
   * hears of the name.
   * @default ["proxy", "hosted"]
   * @example ["hosted"]
   */
  pull?: readonly string[];

  /**
   * Where pushes and deletes go.
   * @default "hosted", or "deny" where `pull` leaves hosted out
   */
  push?: "hosted" | "deny";

  /**
   * Whether the next upstream is asked after one that failed, or the failure is answered.
   * @default "continue"
   */
  onFailure?: "continue" | "stop";

  /**
   * Whether a repository that exists in hosted is hosted's alone: then no proxy is asked for anything of it.
   * @default false
   */
  owned?: boolean;

  /**
   * What is done about a tag that hosted and a proxy have with different digests: nothing, a warning (metric, log, `Warning`
   * header), or the push that would make it one is refused.
   * @default "warn"
   */
  shadow?: "allow" | "warn" | "deny";

  /** Who may. Without it, whoever `authorize` lets. */
  access?: AccessConfig;
}

/**
 * Who may: `"anonymous"` is everybody, `"authenticated"` everybody who has made known who they are, a list is those users.
 * The last two need `authorize` to say who a client is, and none goes with `hosted.auth: "passthrough"`.
 */
export interface AccessConfig {
  /** Manifests, blobs, tags, referrers, and a place in the catalog. @example "anonymous" */
  pull?: "anonymous" | "authenticated" | readonly string[];
  /** Pushes, upload sessions and deletes. @example ["alice", "ci"] */
  push?: "anonymous" | "authenticated" | readonly string[];
}

/** The part of a logger that the router uses; pino's fits. */
export interface Logger {
  /** What only somebody who looks for a cause wants to know. */
  debug(fields: object, message: string): void;
  /** Each request, and what changes. */
  info(fields: object, message: string): void;
  /** What works, but should not go on like this. */
  warn(fields: object, message: string): void;
  /** What does not work. */
  error(fields: object, message: string): void;
}
