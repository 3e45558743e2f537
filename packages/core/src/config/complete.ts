import type { AuthorizeHook } from "../authorize/hook.ts";
import type { MemoryBounds } from "../cache/memory.ts";
import type { DecisionRecord } from "../observe/decision-record.ts";
import type { Rule } from "../routing/ruling.ts";
import type { Logger, MetricsConfig, PeersConfig } from "./options.ts";
import type { CredentialsConfig } from "./upstream-options.ts";

/** The parsed configuration with all defaults. Times are milliseconds. */
export interface CompleteConfig {
  readonly hosted: CompleteUpstream;
  /** At least one, in the order in which they are asked. */
  readonly proxies: readonly CompleteUpstream[];
  readonly base: "all" | "hosted" | "any";
  /** The first rule that matches a name applies. */
  readonly rules: readonly Rule[];
  readonly lists: "first" | "hosted" | "merge";
  readonly copy: boolean;
  readonly trustProxy: readonly string[];
  readonly via: string;
  readonly decisionHeader: boolean;
  readonly memory: MemoryBounds;
  readonly limits: { readonly clientIdle: number };
  readonly metrics: { readonly process: boolean; readonly page: MetricsPage | undefined };
  readonly operations: "open" | "protected" | "off";
  /** `alone`: unless the handler is called with `next`, as part of an application. */
  readonly statusPage: "on" | "off" | "alone";
  readonly authorize: AuthorizeHook | undefined;
  readonly peers: PeersConfig | undefined;
  /** Whether clients are sent for tokens: if access is anonymous in some rules, and not everywhere. */
  readonly tokens: boolean;
  readonly onDecision: ((record: DecisionRecord) => void) | undefined;
  readonly logger: Logger | undefined;
}

export type MetricsPage = NonNullable<MetricsConfig["page"]>;

export interface CompleteUpstream {
  readonly name: string;
  readonly kind: UpstreamKind;
  /** Without a trailing slash on its path. */
  readonly url: URL;
  readonly auth: CredentialsConfig | "passthrough" | undefined;
  readonly tls: {
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
    readonly serverName: string | undefined;
    readonly verify: boolean;
  };
  readonly timeouts: {
    readonly connect: number;
    readonly headers: number;
    readonly idle: number;
    readonly write: number;
    readonly ping: number;
  };
  readonly redirects: "pass" | "follow";
  /** Other hosts (`host[:port]`) by which the upstream names itself. */
  readonly aliases: readonly string[];
  /** Hosted only: further headers of clients that it gets, in lower case. */
  readonly forwardHeaders: readonly string[];
  readonly breaker: CompleteBreaker | undefined;
  readonly lookups: { readonly concurrent: number; readonly queued: number };
  /** In lower case, without port. */
  readonly hosts: readonly string[];
  /** Proxies only. */
  readonly namespace: string | undefined;
  /** Proxies only: whether names of one component are put below `library/`. */
  readonly libraryPrefix: boolean;
  readonly match: readonly string[];
}

export interface CompleteBreaker {
  readonly failures: number;
  readonly delay: number;
  readonly longestDelay: number;
}

export type UpstreamKind = "hosted" | "proxy";
