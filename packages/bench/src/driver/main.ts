import { downloadBlobs, downloadSlowly, uploadBlob } from "./blobs.ts";
import type { Job, Outcome } from "./jobs.ts";
import { type Seen, sendHerd, sendRequests } from "./requests.ts";

// The load generator, a process of its own: takes one job at a time from its parent and sends back what it saw.
process.on("message", (job: Job) => void answer(job));
// The parent is gone: so is the reason to be here.
process.once("disconnect", () => process.exit());

async function answer(job: Job): Promise<void> {
  try {
    process.send?.({ outcome: await timed(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
}

async function timed(job: Job): Promise<Outcome> {
  const before = process.cpuUsage();
  const seen = await run(job);
  const { user, system } = process.cpuUsage(before);
  return { ...seen, busy: (user + system) / 1e6 / seen.seconds };
}

function run(job: Job): Promise<Seen> {
  switch (job.kind) {
    case "requests":
      return sendRequests(job);
    case "herd":
      return sendHerd(job);
    case "blobs":
      return downloadBlobs(job);
    case "slow":
      return downloadSlowly(job);
    case "upload":
      return uploadBlob(job);
  }
}
