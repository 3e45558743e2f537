import type { AuthorizeHook } from "../authorize/hook.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import type { HostedConfig, ProxyConfig } from "./upstream-options.ts";

/**
 * The options of the router as people write them. The defaults are in `schema.ts`, which parses the options into `CompleteConfig`.
 * Durations are in milliseconds.
 */
export interface CombinedRegistryConfig {
  /** The private registry that people push to: its URL, or a table of options. @example "http://registry:5000" */
  hosted: string | HostedConfig;

  /**
   * The pull-through caches, in the order in which the router asks them: a URL, a table of options, or a list of either.
   * A single proxy without a name is called `proxy`. In a list, proxies without a name are called `proxy-1`, `proxy-2`, ...
   * @example ["http://docker-hub-cache:5000", { "name": "ghcr", "url": "http://ghcr-cache:5000" }]
   */
  proxy: string | ProxyConfig | readonly (string | ProxyConfig)[];

  /**
   * The upstreams that must be usable before the router's own `/v2/` answers 200. podman and skopeo stop at any other answer.
   * `all`: every upstream. `hosted`: hosted alone. `any`: at least one upstream.
   * @default "all"
   */
  base?: "all" | "hosted" | "any";

  /**
   * Rules for repository names. The first rule that matches a name applies. Without a matching rule, the router asks the proxies in
   * order and then hosted, and sends pushes to hosted.
   * @default []
   * @example [{ "match": "corp/**", "pull": ["hosted"] }]
   */
  rules?: readonly RuleConfig[];

  /**
   * Which upstreams answer `tags/list`. `first`: hosted, or the proxies in order if hosted does not know the repository.
   * `hosted`: hosted alone. `merge`: all upstreams. The router merges their lists, and their catalogs too, and names an upstream that
   * failed in a `Warning` header.
   * @default "first"
   */
  lists?: "first" | "hosted" | "merge";

  /**
   * Copy content from proxies to hosted if a push needs it and hosted does not have it. Such content is, for example, a layer that the
   * client did not upload because a proxy has it.
   * @default true
   */
  copy?: boolean;

  /**
   * Addresses and CIDR ranges of the load balancers whose `X-Forwarded-*` and `Forwarded` headers the router trusts. From all other
   * addresses, the router replaces these headers.
   * @default []
   * @example ["10.0.0.0/8", "::1"]
   */
  trustProxy?: readonly string[];

  /**
   * The name of this router in the `Via` header. The router answers 508 to a request that has this name already, because the request
   * has come back in a loop. Replicas behind one address may share the name. Two routers of which one is an upstream of the other must not.
   * @default "combined-registry-" and eight random hex digits
   * @example "registry.example.com"
   */
  via?: string;

  /**
   * Send the `X-Combined-Registry` header, which says which upstream answered and why.
   * @default true
   */
  decisionHeader?: boolean;

  /** Sizes and lifetimes of the caches. */
  memory?: MemoryConfig;

  /** Limits for each client. */
  limits?: LimitsConfig;

  /** Metrics besides the router's own. */
  metrics?: MetricsConfig;

  /**
   * Access to `/healthcheck`, `/livez`, `/readyz` and `/metrics`. `open`: every client. `protected`: clients that `authorize` allows.
   * `off`: the router does not serve these paths, so that a host application can have pages of its own there.
   * @default "open"
   */
  operations?: "open" | "protected" | "off";

  /**
   * A status page for browsers at `/`: the state of the upstreams, the latest decisions, and where an image comes from. With `authorize`,
   * the page needs access to `operations`, and shows a name only to a user who may pull it.
   * @default true if the router runs alone, false if it is called with `next`, because `/` then belongs to the application
   */
  statusPage?: boolean;

  /** The connection to the other processes, if several processes serve one port. @default none: this process is the only one */
  peers?: PeersConfig;

  /**
   * Decides on every `/v2/` request before the router asks any upstream. It cannot be combined with `hosted.auth: "passthrough"`.
   * @default none: every client may do everything that the rules allow
   */
  authorize?: AuthorizeHook;

  /**
   * Called once for each answered request, after its response has closed, with the record that the access log writes: for audit
   * logs, metrics of your own, or tests. What it throws, or rejects with, is logged as an error and changes nothing about the request.
   * It is called on the event loop between requests, so it should return soon.
   * @default none
   */
  onDecision?: (record: DecisionRecord) => void;

  /** Receives one line for each request, and a line for each problem. Any logger with pino's methods fits. @default none */
  logger?: Logger;
}

/** Sizes and lifetimes of what the router caches. */
export interface MemoryConfig {
  /** The most location hints to keep. A hint says which upstream has a digest. 0 switches them off. @default 20000 @example 100000 */
  entries?: number;
  /** How long location hints and manifests are cached, in milliseconds. @default 600000 @example 3600000 */
  ttl?: number;
  /** How long a proxy's "not found" for a tag is cached, in milliseconds, at most 60000. 0 switches that off. @default 5000 @example 0 */
  absentTtl?: number;
  /** Size of the cache of manifests by digest, in bytes. 0 switches it off. @default 67108864 @example 268435456 */
  manifestBytes?: number;
}

/** Limits for each client. */
export interface LimitsConfig {
  /** How long a client may send no byte of its request, or read no byte of its answer, while the router waits for it, in milliseconds. Then its connection is closed. @default 300000 @example 60000 */
  clientIdle?: number;
}

/** Options of `/metrics`. */
export interface MetricsConfig {
  /** Add Node's process metrics (`process_*`, `nodejs_*`). Use this if the process belongs to the router alone. @default false */
  process?: boolean;

  /**
   * Makes the answer of `/metrics`, in place of this process's own metrics. This is for a program of several processes behind one port,
   * in which any process may get the request. `aggregateMetrics` makes the text from the `handler.metrics` of all processes.
   * @default the metrics of this process
   */
  page?: () => Promise<string>;
}

/** How several processes in front of the same registries work together. */
export interface PeersConfig {
  /**
   * Runs `work` while no other process runs work under the same `key`. The router uses it to read, change and write back an index of
   * referrers at hosted. Within one process the router itself runs such work one after the other.
   */
  withLock: <T>(key: string, work: () => Promise<T>) => Promise<T>;

  /**
   * Sends a change to all other processes, which pass it to their `handler.invalidate` because their caches may be out of date. The
   * client that made the change gets its answer when this promise resolves, and also if it rejects.
   */
  publish: (change: ManifestChange) => Promise<void>;
}

/** A manifest was pushed or deleted, or may have been. Plain data that can be sent to another process. */
export interface ManifestChange {
  /** What was done to the manifest. */
  readonly kind: "put" | "deleted";
  /** The repository in hosted. */
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  /** Whether `reference` is a digest. */
  readonly byDigest: boolean;
  /** Digest of the pushed manifest; absent if it is not known, and for `deleted`. */
  readonly digest?: string;
}

/** A rule for the repositories that `match` names. Only the first rule that matches a name applies to it. */
export interface RuleConfig {
  /**
   * One pattern for repository names, or several. `*` stands for any part of a component, `**` for any number of components, or none.
   * `corp/**` is `corp` and everything below it.
   * @example ["corp/**", "team-*\/app"]
   */
  match: string | readonly string[];

  /**
   * The upstreams that a pull may ask, in order: `hosted`, `proxy` (every proxy, in order), or the name of an upstream. No other upstream
   * gets to see the name.
   * @default ["proxy", "hosted"]
   * @example ["hosted"]
   */
  pull?: readonly string[];

  /**
   * Where pushes and deletes go. `deny` answers them 403.
   * @default "hosted", or "deny" if `pull` does not contain hosted
   */
  push?: "hosted" | "deny";

  /**
   * What happens if an upstream fails. `continue`: the router asks the next upstream. `stop`: the client gets the failure.
   * @default "continue" after a proxy, and for digests; "stop" after hosted for tags, so that no proxy decides what a private tag means
   */
  onFailure?: "continue" | "stop";

  /**
   * Whether a repository that exists in hosted belongs to hosted alone. Then the router asks no proxy for anything in it.
   * @default false
   */
  owned?: boolean;

  /**
   * What to do about a tag that hosted and a proxy have with different digests. `allow`: nothing. `warn`: report it in a metric, the log
   * and, on a push, a `Warning` header. `deny`: also refuse a push that would create such a tag.
   * @default "warn"
   */
  shadow?: "allow" | "warn" | "deny";

  /** Access control: which clients may pull and push. Without it, `authorize` alone decides. */
  access?: AccessConfig;
}

/**
 * Access control of a rule. `"anonymous"` is every client, `"authenticated"` is every user that is logged in, and a list names users.
 * The last two need `authorize`, which names the user of a request. No value can be combined with `hosted.auth: "passthrough"`.
 */
export interface AccessConfig {
  /** Who may read manifests, blobs, tags and referrers, and see the name in the catalog. @example "anonymous" */
  pull?: "anonymous" | "authenticated" | readonly string[];
  /** Who may push, use upload sessions, and delete. @example ["alice", "ci"] */
  push?: "anonymous" | "authenticated" | readonly string[];
}

/** The methods of a logger that the router calls. A pino logger fits. */
export interface Logger {
  /** Details for finding the cause of a problem. */
  debug(fields: object, message: string): void;
  /** Each request, and changes of state. */
  info(fields: object, message: string): void;
  /** What works now, but needs attention. */
  warn(fields: object, message: string): void;
  /** What does not work. */
  error(fields: object, message: string): void;
}
