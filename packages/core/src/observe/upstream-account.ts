import type { QueryResult } from "../routing/outcome.ts";
import type { Upstream, UpstreamObserver } from "../upstream/upstream.ts";
import type { Activity } from "./activity.ts";
import type { Metrics } from "./metrics.ts";

/** Counts what happens at upstreams, for metrics and the status page. Upstreams keep it across reloads. */
export class UpstreamAccount implements UpstreamObserver {
  /** Undefined without a status page. */
  activity: Activity | undefined;
  readonly metrics: Metrics;

  constructor(metrics: Metrics) {
    this.metrics = metrics;
  }

  breakerChanged(upstream: Upstream): void {
    this.metrics.upstreams.breakerChanged(upstream);
  }

  asked(upstream: Upstream, outcome: QueryResult, seconds: number, reached: boolean): void {
    const { name } = upstream;
    this.metrics.upstreamDuration.observe({ upstream: name }, seconds);
    this.metrics.upstreamRequests.inc({ upstream: name, outcome });
    this.metrics.upstreams.asked(upstream, reached);
    this.activity?.asked(name, outcome);
  }

  granted(upstream: Upstream, remaining: number): void {
    this.metrics.upstreams.granted(upstream, remaining);
  }
}
