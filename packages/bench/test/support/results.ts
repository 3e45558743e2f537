import { rowOf } from "../../src/measure.ts";
import type { PeerName } from "../../src/peers.ts";
import type { Results, Row, Sample, Target, UpstreamRequests } from "../../src/results.ts";
import { allSizes } from "../../src/sizes.ts";

/** A sample in which only what matters is said. */
export function sample(some: Partial<Sample>): Sample {
  return { rate: 100, p50: 1, p99: 2, cpu: 10, memory: 50, busy: 0.1, ...some };
}

/** A row about requests by digest. */
export function digestRow(
  samples: readonly (readonly [PeerName, readonly Sample[]])[],
  targets: readonly Target[] = [],
  upstream: readonly (readonly [PeerName, UpstreamRequests])[] = [],
): Row {
  const counts = new Map([["digest", new Map(upstream)]]);
  const work = { id: "digest", title: "by <digest>", unit: "req/s", subject: "router", targets } as const;
  return rowOf(work, new Map(samples), counts);
}

export function resultsOf(...rows: Row[]): Results {
  return {
    date: "2026-11-25T09:00:00.000Z",
    machine: { cpu: "a processor", cores: 2, memoryGb: 8, os: "Debian 12" },
    versions: { node: "20.20.2" },
    sizes: allSizes.tiny,
    driver: "a process",
    notMeasured: ["caddy: not measured, not installed"],
    rows,
  };
}
