import { until } from "@combined-registry/deadline";
import type { Resources } from "@combined-registry/e2e/resources";
import { type Seen, startTap, type Tap } from "@combined-registry/e2e/tap";
import type { Job } from "./driver/jobs.ts";
import type { Lab } from "./lab.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { Counts } from "./measure.ts";
import { type PeerName, startCombiners } from "./peers.ts";
import type { UpstreamRequests } from "./results.ts";
import type { Work } from "./works.ts";

/** Images asked for: each is asked for in the same way. */
const enough = 10;
const counted = ["public-tag", "private-tag", "digest", "new-tag"];
/** Milliseconds until a herd's question is passed on: by then all of it has asked, however slow the machine. */
const herdAsks = 1000;

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
  const peers = await startCombiners(resources, lab.folder, { cache, hosted }, lab.against);
  await settled(taps);
  const counts = new Map(counted.map((id) => [id, new Map<PeerName, UpstreamRequests>()]));
  for (const work of works.filter(({ id }) => counted.includes(id))) {
    for (const { name, origin } of peers) {
      const count = async () => {
        const job = once(await work.job(origin), Math.min(lab.sizes.images, enough));
        for (const tap of taps) {
          tap.delay = job.kind === "herd" ? herdAsks : 0;
        }
        const { requests } = await generator.run(job);
        const seen = await settled(taps);
        const per = job.kind === "herd" ? 1 : requests;
        const gets = seen.filter(({ method }) => method === "GET").length;
        return { asked: gets / per, beside: (seen.length - gets) / per };
      };
      // What is asked for the first time only, such as whether hosted has the same tag, counts where the tag is new.
      if (work.warmUp !== undefined) {
        await count();
      }
      counts.get(work.id)?.set(name, await count());
    }
  }
  return counts;
}

/** Each path once; a herd as it is. */
function once(job: Job, most: number): Job {
  return job.kind === "requests" ? { ...job, connections: 4, seconds: 60, most } : job;
}

const quiet = 100;

/** Requests since the last time, those included that come when their client has long been answered. */
async function settled(taps: readonly Tap[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  let last = performance.now();
  await until("the upstreams to be left alone", 10_000, () => {
    const more = taps.flatMap((tap) => tap.take());
    if (more.length > 0) {
      seen.push(...more);
      last = performance.now();
    }
    return performance.now() - last > quiet;
  });
  return seen;
}
