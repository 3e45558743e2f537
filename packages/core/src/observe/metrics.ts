import {
  type Aggregator,
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from "prom-client";
import { version } from "../version.ts";
import { UpstreamMetrics } from "./upstream-metrics.ts";

/** Metrics as plain data that can be sent to another process. It is the input of `aggregateMetrics` and `sumMetrics`. */
export type MetricsSnapshot = readonly object[];

/** The metrics that `/metrics` shows. At run time it is prom-client's `Registry`. */
export interface MetricsRegistry {
  /** The media type of the text. */
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  /** All metrics as data. */
  getMetricsAsJSON(): Promise<MetricsSnapshot>;
}

const prefix = "combined_registry_";
// Seconds: from a cache hit to a layer over a slow line.
const requestBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
];
const upstreamBuckets = requestBuckets.filter((seconds) => seconds <= 60);

/**
 * How values of several processes are combined. prom-client would show a mean, which hides a process that is stuck, or nothing.
 * The start time is the oldest one's, so that it does not change when a process is replaced.
 */
const processAggregators: Readonly<Record<string, Aggregator>> = {
  process_start_time_seconds: "min",
  nodejs_eventloop_lag_seconds: "max",
  nodejs_eventloop_lag_mean_seconds: "max",
  nodejs_eventloop_lag_stddev_seconds: "max",
  nodejs_eventloop_lag_p50_seconds: "max",
  nodejs_eventloop_lag_p90_seconds: "max",
  nodejs_eventloop_lag_p99_seconds: "max",
};

/** The router's metrics. Labels never carry a repository, tag, digest or user: the configuration bounds the number of series. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = this.#counter(
    "http_requests_total",
    "Requests answered, by route, method, status and the upstream that answered (router: the router itself).",
    ["route", "method", "status", "upstream"],
  );
  readonly duration = new Histogram({
    name: `${prefix}http_request_duration_seconds`,
    help: "From a request's headers to the last byte of its answer.",
    labelNames: ["route", "method"],
    buckets: requestBuckets,
    registers: [this.registry],
  });
  readonly upstreams = new UpstreamMetrics(prefix, upstreamBuckets, [this.registry]);
  readonly fallbacks = this.#counter(
    "lookup_fallbacks_total",
    "Lookups that moved on from one upstream to the next.",
    ["from", "to"],
  );
  readonly resumed = this.#counter(
    "resumed_bodies_total",
    "Bodies of blobs that one upstream broke off and that another one, or the same, resumed.",
    ["from", "to"],
  );
  readonly copiedBlobs = this.#counter(
    "copied_blobs_total",
    "Blobs that pushes needed, copied from this proxy to hosted.",
    ["from"],
  );
  readonly copiedBytes = this.#counter(
    "copied_bytes_total",
    "Bytes read from this proxy for copies to hosted, failed copies included.",
    ["from"],
  );
  readonly locationHints = this.#counter(
    "location_hints_total",
    "Lookups by digest: the upstream that the location hint named had it (hit) or did not (miss), or there was no hint (none).",
    ["result"],
  );
  readonly cacheHits = this.#counter(
    "cache_hits_total",
    "Upstream requests that were saved: the manifest was cached (manifest), not found was cached (negative), or the same request of another client was in flight (inflight).",
    ["cache"],
  );
  readonly shadowedTags = this.#counter(
    "shadowed_tags_total",
    "Tags that hosted and this proxy have with different digests. Each is counted once, until a digest changes.",
    ["upstream"],
  );
  readonly bytes = this.#counter("bytes_total", "Bytes of bodies moved: down to clients, up to hosted.", [
    "direction",
    "upstream",
  ]);
  readonly connections = new Gauge({
    name: `${prefix}open_connections`,
    help: "Client connections that have sent a request and are still open.",
    registers: [this.registry],
  });
  #showsProcess = false;

  constructor() {
    new Gauge({
      name: `${prefix}build_info`,
      help: "1, with the version of the router and of Node.",
      labelNames: ["version", "node"],
      registers: [this.registry],
      aggregator: "first",
    }).set({ version, node: process.version }, 1);
  }

  addProcess(): void {
    if (!this.#showsProcess) {
      this.#showsProcess = true;
      collectDefaultMetrics({ register: this.registry });
      for (const metric of this.registry.getMetricsAsArray()) {
        metric.aggregator = processAggregators[metric.name] ?? metric.aggregator;
      }
    }
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: prefix + name, help, labelNames, registers: [this.registry] });
  }
}

/**
 * Makes one Prometheus text for several processes that serve one port. Counters and histograms are added up. The state of an upstream is the
 * worst of all processes, and the resources that the processes use are the sum.
 * @param running the result of `handler.metrics.getMetricsAsJSON()` of each process
 * @param ended the result of `sumMetrics` for processes that have ended, so that no counter decreases
 * @returns the text for `/metrics`
 */
export function aggregateMetrics(
  running: readonly MetricsSnapshot[],
  ended: MetricsSnapshot = [],
): Promise<string> {
  return AggregatorRegistry.aggregate([...running, ended]).metrics();
}

/** Adds up the counters and histograms of processes that have ended. The other metrics are dropped. */
export async function sumMetrics(ended: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const all: MetricsSnapshot = await AggregatorRegistry.aggregate([...ended]).getMetricsAsJSON();
  return all.filter((metric) => ["counter", "histogram"].includes(Reflect.get(metric, "type")));
}
