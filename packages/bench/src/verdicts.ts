import type { PeerName } from "./peers.ts";
import type { Metric, PeerResult, Ratio, Sample, Target, Verdict } from "./results.ts";
import { median } from "./statistics.ts";

const metrics = ["rate", "p50", "p99", "cpu", "memory", "busy"] as const;

/** The median of each figure by itself. */
export function medianSample(samples: readonly Sample[]): Sample {
  const of = (metric: keyof Sample) => {
    const values = samples.flatMap((sample) => sample[metric] ?? []);
    return values.length === 0 ? null : median(values);
  };
  const [rate, p50, p99, cpu, memory, busy] = metrics.map(of);
  return {
    rate: rate ?? null,
    p50: p50 ?? Number.NaN,
    p99: p99 ?? Number.NaN,
    cpu: cpu ?? null,
    memory: memory ?? null,
    busy: busy ?? null,
  };
}

/** The subject against every other peer, in every figure that both have. */
export function ratiosOf(subject: PeerName, peers: readonly PeerResult[]): Ratio[] {
  const own = peers.find(({ name }) => name === subject);
  const others = peers.filter((peer) => peer !== own);
  return own === undefined
    ? []
    : others.flatMap((peer) =>
        (["rate", "p50", "p99", "cpu", "memory"] as const).flatMap((metric) => {
          const value = compare(own, peer, metric, quotient);
          return value === null ? [] : [{ metric, against: peer.name, value }];
        }),
      );
}

/** Whether the subject reached a target. */
export function judge(target: Target, subject: PeerName, peers: readonly PeerResult[]): Verdict {
  const own = peers.find(({ name }) => name === subject);
  const peer = peers.find(({ name }) => name === target.against);
  const value = own === undefined ? null : targetValue(target, own, peer);
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = target;
  return { ...target, value, met: value === null ? null : value >= least && value <= most };
}

function targetValue(target: Target, own: PeerResult, peer: PeerResult | undefined): number | null {
  const { metric, against, by = "ratio" } = target;
  if (against === undefined) {
    return metric === "upstream" ? (own.upstream?.asked ?? null) : own.median[metric];
  }
  return peer === undefined ? null : compare(own, peer, metric, by === "ratio" ? quotient : (a, b) => a - b);
}

/** CPU time comes in ticks: a turn that was too short for one has a figure of nought, which compares with nothing. */
function quotient(own: number, peer: number): number {
  return own > 0 && peer > 0 ? own / peer : Number.NaN;
}

/** Round by round, since what disturbs the machine in one round disturbs both. */
function compare(
  own: PeerResult,
  peer: PeerResult,
  metric: Metric,
  combine: (own: number, peer: number) => number,
): number | null {
  if (metric === "upstream") {
    return null;
  }
  const values = own.samples.flatMap((sample, round) => {
    const [a, b] = [sample[metric], peer.samples[round]?.[metric]];
    const value = a === null || b === null || b === undefined ? Number.NaN : combine(a, b);
    return Number.isFinite(value) ? [value] : [];
  });
  return values.length === 0 ? null : median(values);
}
