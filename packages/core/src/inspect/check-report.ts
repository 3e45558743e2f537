/** How a configuration and the registries that it names are. */
export interface CheckReport {
  /** Whether no finding is an error. */
  readonly ok: boolean;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly UpstreamReport[];
  /** By upstream, then those about the configuration alone. */
  readonly findings: readonly Finding[];
}

/** What one upstream is, as far as its answers tell. */
export interface UpstreamReport {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** On which side it is. */
  readonly kind: "hosted" | "proxy";
  /** Without credentials. */
  readonly url: string;
  /** Whether there was an answer at all. */
  readonly reachable: boolean;
  /** Of its `/v2/`, asked with the router's credentials. */
  readonly status?: number;
  /** Milliseconds of that. */
  readonly latency: number;
  /** What it is: `CNCF distribution`, `Docker Hub`, ...; `unknown` if nothing tells. */
  readonly product: string;
  /** `2.x`, say; undefined if nothing tells. */
  readonly version?: string;
  /** Whether it is a pull-through cache; undefined if nothing tells. */
  readonly cache?: boolean;
  /** Hosted alone: whether it deletes what it is told to; undefined if nothing tells. */
  readonly deletes?: boolean;
  /** Hosted alone: whether it has the referrers API; undefined if nothing tells. */
  readonly referrers?: boolean;
  /** Seconds by which its clock is ahead of this one (behind: negative); undefined if it does not tell. */
  readonly clockSkew?: number;
}

/** One thing that was looked at. */
export interface Finding {
  /** A word for programs, which stays: `unreachable`, `deletes-off`. */
  readonly id: string;
  /**
   * - `ok`: as it should be;
   * - `hint`: it may be meant so;
   * - `warning`: it works, and will hurt;
   * - `error`: it does not work.
   */
  readonly severity: Severity;
  /** The option (`proxy[1].tls.verify`) or the upstream's name. */
  readonly where: string;
  /** What was found, a sentence without a full stop. */
  readonly what: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** How much a finding matters. */
export type Severity = "ok" | "hint" | "warning" | "error";
