/** The state of a configuration and of the registries in it. */
export interface CheckReport {
  /** Whether no finding is an error. */
  readonly ok: boolean;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly UpstreamReport[];
  /** By upstream, then those about clocks, then those about the configuration. */
  readonly findings: readonly Finding[];
}

/** One upstream, as far as its answers show. */
export interface UpstreamReport {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** Which side it is on. */
  readonly kind: "hosted" | "proxy";
  /** Without credentials. */
  readonly url: string;
  /** Whether it answered. */
  readonly reachable: boolean;
  /** The status of its `/v2/`, asked with the router's credentials; undefined without an answer. */
  readonly status?: number;
  /** Milliseconds of that request. */
  readonly latency: number;
  /** The product: `CNCF distribution`, `Docker Hub`, ...; `unknown` if its answers do not show it. */
  readonly product: string;
  /** The version, such as `2.x`; undefined if its answers do not show it. */
  readonly version?: string;
  /** Whether it is a pull-through cache; undefined if its answers do not show it. */
  readonly cache?: boolean;
  /** Hosted alone: whether deletes are on; undefined if its answers do not show it. */
  readonly deletes?: boolean;
  /** Hosted alone: whether it has the referrers API; undefined if its answers do not show it. */
  readonly referrers?: boolean;
  /** Seconds by which its clock is ahead of this machine's (behind: negative); undefined if its answer had no `Date`. */
  readonly clockSkew?: number;
}

/** One result of a check. */
export interface Finding {
  /** A stable identifier for programs: `unreachable`, `deletes-off`. */
  readonly id: string;
  /**
   * - `ok`: no problem;
   * - `hint`: possibly intended;
   * - `warning`: works, but is harmful;
   * - `error`: does not work.
   */
  readonly severity: Severity;
  /** The option (`proxy[1].tls.verify`), the upstream's name, or `clock`. */
  readonly where: string;
  /** The result, a sentence without a full stop. */
  readonly what: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** How much a finding matters. */
export type Severity = "ok" | "hint" | "warning" | "error";
