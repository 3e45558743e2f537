import type { PeerName } from "./peers.ts";
import type { Sizes } from "./sizes.ts";

/** What one turn of one peer at one work came to. */
export interface Sample {
  /** Requests, or megabytes, per second; null where neither means anything. */
  readonly rate: number | null;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU time of the peer's processes: microseconds per request, or seconds per gigabyte. */
  readonly cpu: number | null;
  /** The most that the peer's processes held, in megabytes. */
  readonly memory: number | null;
  /** CPU seconds per second that the load generator used; null where it had no part. */
  readonly busy: number | null;
}

/** The figures that a target can be about. */
export type Metric = "rate" | "p50" | "p99" | "cpu" | "memory" | "upstream";

/** What the subject of a work has to reach. */
export interface Target {
  readonly metric: Metric;
  /** Whose figure it is compared with; with nobody's, if absent. */
  readonly against?: PeerName;
  /** How. @default "ratio" */
  readonly by?: "ratio" | "difference";
  readonly least?: number;
  readonly most?: number;
}

/** A target and what came of it; null where a peer was not there to compare with. */
export interface Verdict extends Target {
  readonly value: number | null;
  readonly met: boolean | null;
}

/** How often upstreams were asked: per client request, or in all for a herd. */
export interface UpstreamRequests {
  /** With the clients' method, GET. */
  readonly asked: number;
  /** With others: what no client waits for, such as the router's look for a shadowed tag. */
  readonly beside: number;
}

/** A peer's figures for one work. */
export interface PeerResult {
  readonly name: PeerName;
  /** Of each figure by itself. */
  readonly median: Sample;
  readonly samples: readonly Sample[];
  /** Null where they were not counted. */
  readonly upstream: UpstreamRequests | null;
}

/** The subject's figure divided by the same figure of a peer, the median over the rounds. */
export interface Ratio {
  readonly metric: Metric;
  readonly against: PeerName;
  readonly value: number;
}

/** One work. */
export interface Row {
  readonly id: string;
  readonly title: string;
  /** What `rate` counts; null where there is none. */
  readonly unit: "req/s" | "MB/s" | null;
  readonly subject: PeerName;
  readonly peers: readonly PeerResult[];
  readonly ratios: readonly Ratio[];
  readonly targets: readonly Verdict[];
}

/** A whole run, as it is written to `results.json`. */
export interface Results {
  readonly date: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGb: number;
    readonly os: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly sizes: Sizes;
  readonly driver: string;
  readonly notMeasured: readonly string[];
  readonly rows: readonly Row[];
}
