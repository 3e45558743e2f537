import { AggregatorRegistry } from "prom-client";
import type { MetricsSnapshot } from "./metrics.ts";

/**
 * Prometheus' text for several processes that serve as one. Counts and histograms are added up; of an upstream's state the worst
 * is shown, of what a process uses the sum.
 * @param running what each process has in `handler.metrics.getMetricsAsJSON()`
 * @param ended `sumMetrics` those that are there no more, so that no count ever goes back
 */
export function aggregateMetrics(
  running: readonly MetricsSnapshot[],
  ended: MetricsSnapshot = [],
): Promise<string> {
  return join([...running, ended]).metrics();
}

/** What is to be kept of processes that have ended, added up: their counts and histograms. */
export async function sumMetrics(ended: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const joined: MetricsSnapshot = await join(ended).getMetricsAsJSON();
  return joined.filter((metric) => ["counter", "histogram"].includes(Reflect.get(metric, "type")));
}

function join(snapshots: readonly MetricsSnapshot[]) {
  return AggregatorRegistry.aggregate([...snapshots]);
}
