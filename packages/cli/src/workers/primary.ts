import { randomBytes } from "node:crypto";
import { announce, report } from "../commands/serve.ts";
import { breakdown, messageOf } from "../failure.ts";
import type { Prepared } from "../lifecycle/loaded-config.ts";
import type { Reloader } from "../lifecycle/reloader.ts";
import type { Log } from "../logging.ts";
import { onHangup, onStop, surviveBugs } from "../signals.ts";
import { packParcel } from "./config-message.ts";
import { Crew } from "./pool.ts";

/** What serving rests on. */
export interface Foundation {
  /** The configuration, read and checked. */
  readonly first: Prepared;
  /** Reads and checks it anew. */
  reload(before: Prepared): Promise<Prepared>;
  readonly reloader: Reloader;
  readonly watch: { stop(): void };
  readonly log: Log;
}

/**
 * Serves with several processes that share the port, until a signal comes and all have finished what is under way. This one
 * reads and watches files, takes signals and keeps the workers; it serves nobody itself.
 * @throws Failure before anything is started, or if requests had to be cut off at the end
 */
export async function serveWithWorkers({ first, reload, reloader, watch, log }: Foundation): Promise<void> {
  let current = first;
  const via = `combined-registry-${randomBytes(4).toString("hex")}`;
  const crew = new Crew(first.config.workers, packParcel(first, via), log);
  const stop = onStop();
  onHangup(() => reloader.request("SIGHUP"));
  // However this process ends, short of being killed itself, nobody is left behind.
  process.on("exit", () => crew.kill());
  const started = crew.start().then((url) => announce(first.config, { url }, log));
  try {
    // To be told to stop meanwhile is no reason to wait for it.
    await Promise.race([started, stop]);
  } catch (error) {
    crew.kill();
    throw error;
  }
  surviveBugs(log);

  reloader.start(async (reason) => {
    try {
      const next = await reload(current);
      await crew.reload(packParcel(next, via));
      log.level = next.config.logLevel;
      report(current, next, reason, log);
      current = next;
    } catch (error) {
      log.error({ reason }, `reload refused, everything stays as it was: ${messageOf(error)}`);
    }
  });

  const signal = await stop;
  watch.stop();
  const { drain } = current.config;
  log.info({ signal, ...drain }, "finishing what is under way");
  const { cut, closed, died } = await crew.finish(drain);
  if (!closed) {
    log.warn({}, "the router still waits for requests although no connection is left: this is a bug");
  }
  if (cut > 0 || died > 0) {
    log.warn({ cut, died }, "stopped, after cutting off what was not finished in time");
    throw breakdown(
      died > 0
        ? `${died} workers ended before they had finished`
        : `${cut} requests were not finished within ${drain.timeout} ms and were cut off`,
    );
  }
  log.info({}, "stopped");
}
