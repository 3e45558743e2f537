import { Resources } from "@combined-registry/e2e/resources";
import { countUpstream } from "./counting.ts";
import { openLab } from "./lab.ts";
import { startLoadGenerator } from "./load-generator.ts";
import { machine, versions } from "./machine.ts";
import { measure } from "./measure.ts";
import { absentPeers } from "./peers.ts";
import type { Results, Row } from "./results.ts";
import type { Sizes } from "./sizes.ts";
import { measureStartup } from "./startup.ts";
import { worksOf } from "./works.ts";

/**
 * Starts everything, measures everything, ends everything.
 * @param say hears how far it is
 * @param against the program of another build, which then is the only other peer
 */
export async function runBench(
  sizes: Sizes,
  say: (line: string) => void,
  abort: AbortSignal,
  against?: string,
): Promise<Results> {
  const resources = new Resources();
  try {
    say("starting and filling the registries");
    const generator = resources.use(await startLoadGenerator());
    const lab = await openLab(resources, sizes, generator, against);
    const works = worksOf(lab);
    say("counting upstream requests");
    const tapped = new Resources();
    const counts = await countUpstream(tapped, lab, works, generator).finally(() =>
      tapped[Symbol.asyncDispose](),
    );
    const rows: Row[] = [];
    for (const work of works) {
      abort.throwIfAborted();
      say(work.title);
      rows.push(await measure(work, sizes.rounds, generator, counts));
    }
    say("start-up");
    rows.push(...(await measureStartup(lab, sizes.rounds)));
    return {
      date: new Date().toISOString(),
      machine: await machine(),
      versions: await versions(),
      sizes,
      driver: "a process of its own with raw keep-alive sockets, on the same machine",
      notMeasured: against === undefined ? absentPeers() : [],
      rows,
    };
  } finally {
    await resources[Symbol.asyncDispose]();
  }
}
