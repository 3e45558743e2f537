import { cpuSeconds, forgetPeaks, peakMemory } from "./accounting.ts";
import { megabyte } from "./driver/blob.ts";
import type { Job } from "./driver/jobs.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { Peer, PeerName } from "./peers.ts";
import type { PeerResult, Row, Sample, Target, UpstreamRequests } from "./results.ts";
import { judge, medianSample, ratiosOf } from "./verdicts.ts";
import type { Work } from "./works.ts";

/** Upstream requests by work and peer. */
export type Counts = ReadonlyMap<string, ReadonlyMap<PeerName, UpstreamRequests>>;

/** Gives each peer its turns at a work, round by round, each round beginning with another peer. */
export async function measure(
  work: Work,
  rounds: number,
  generator: LoadGenerator,
  counts: Counts,
): Promise<Row> {
  const { peers, unit } = work;
  for (const { origin } of work.warmUp === undefined ? [] : peers) {
    await generator.run(work.warmUp?.(origin) ?? (await work.job(origin)));
  }
  const samples = new Map<PeerName, Sample[]>(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < (work.rounds ?? rounds); round += 1) {
    for (const peer of inTurn(peers, round)) {
      const job = await work.job(peer.origin);
      samples.get(peer.name)?.push(await sample(peer, job, unit, generator));
    }
  }
  const { id, title, subject = "router", targets } = work;
  return rowOf({ id, title, unit, subject, targets }, samples, counts);
}

/** Judges what was measured. */
export function rowOf(
  { targets, ...work }: Pick<Row, "id" | "title" | "unit" | "subject"> & { targets: readonly Target[] },
  samples: ReadonlyMap<PeerName, readonly Sample[]>,
  counts: Counts = new Map(),
): Row {
  const peers = [...samples].map(
    ([name, all]): PeerResult => ({
      name,
      median: medianSample(all),
      samples: all,
      upstream: counts.get(work.id)?.get(name) ?? null,
    }),
  );
  return {
    ...work,
    peers,
    ratios: ratiosOf(work.subject, peers),
    targets: targets.map((target) => judge(target, work.subject, peers)),
  };
}

/** @returns the same, begun elsewhere each time */
export function inTurn<T>(all: readonly T[], round: number): T[] {
  const first = round % Math.max(1, all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}

async function sample(peer: Peer, job: Job, unit: Work["unit"], generator: LoadGenerator): Promise<Sample> {
  const pids = await peer.pids();
  await forgetPeaks(pids);
  const before = await cpuSeconds(pids);
  const { requests, bytes, seconds, p50, p99, busy } = await generator.run(job);
  const cpu = (await cpuSeconds(pids)) - before;
  const memory = (await peakMemory(pids)) / megabyte;
  return unit === "req/s"
    ? { rate: requests / seconds, cpu: (cpu / requests) * 1e6, p50, p99, memory, busy }
    : { rate: bytes / megabyte / seconds, cpu: cpu / (bytes / 1e9), p50, p99, memory, busy };
}
