import { Resources } from "@combined-registry/e2e/resources";
import { countUpstream } from "./counting.js";
import { openLab } from "./lab.js";
import { startLoadGenerator } from "./load-generator.js";
import { machine, versions } from "./machine.js";
import { measure } from "./measure.js";
import { absentPeers } from "./peers.js";
import type { Results, Row } from "./results.js";
import type { Sizes } from "./sizes.js";
import { measureStartup } from "./startup.js";
import { worksOf } from "./works.js";

/** Starts everything, measures everything, ends everything. @param say hears how far it is */
export async function runBench(
  sizes: Sizes,
  say: (line: string) => void,
  abort: AbortSignal,
): Promise<Results> {
  const resources = new Resources();
  try {
    say("starting and filling the registries");
    const generator = resources.use(await startLoadGenerator());
    const lab = await openLab(resources, sizes, generator);
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
      notMeasured: absentPeers(),
      rows,
    };
  } finally {
    await resources[Symbol.asyncDispose]();
  }
}
