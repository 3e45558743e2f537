import type { Resources } from "@combined-registry/e2e/resources";
import { startTap, type Tap } from "@combined-registry/e2e/tap";
import type { Job } from "./driver/jobs.js";
import type { Lab } from "./lab.js";
import type { LoadGenerator } from "./load-generator.js";
import type { Counts } from "./measure.js";
import { startCombiners } from "./peers.js";
import type { Work } from "./works.js";

const counted = ["public-tag", "private-tag", "digest", "new-tag"];

/** Counts, outside of what is timed, how often the upstreams of each combining peer are asked. */
export async function countUpstream(
  resources: Resources,
  lab: Lab,
  works: readonly Work[],
  generator: LoadGenerator,
): Promise<Counts> {
  const taps = [
    resources.use(await startTap(lab.cache.origin)),
    resources.use(await startTap(lab.hosted.origin)),
  ] as const;
  const [cache, hosted] = [taps[0].origin, taps[1].origin];
  const peers = await startCombiners(resources, lab.folder, { cache, hosted });
  const counts = new Map(counted.map((id) => [id, new Map()]));
  for (const work of works.filter(({ id }) => counted.includes(id))) {
    for (const { name, origin } of peers) {
      // What peers ask when they start is not counted.
      taken(taps);
      const job = once(await work.job(origin), lab.sizes.images);
      const { requests } = await generator.run(job);
      counts.get(work.id)?.set(name, job.kind === "herd" ? taken(taps) : taken(taps) / requests);
    }
  }
  return counts;
}

/** Each path once; a herd as it is. */
function once(job: Job, most: number): Job {
  return job.kind === "requests" ? { ...job, connections: 4, seconds: 60, most } : job;
}

function taken(taps: readonly Tap[]): number {
  return taps.reduce((sum, tap) => sum + tap.take().length, 0);
}
