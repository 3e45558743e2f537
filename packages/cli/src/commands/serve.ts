import { breakdown, messageOf } from "../failure.ts";
import { readablePasswords, sendsPasswordsReadably } from "../findings.ts";
import type { Drain } from "../lifecycle/finish.ts";
import { differences, fixedDifferences, type LoadedConfig, loadFiles } from "../lifecycle/loaded-config.ts";
import type { Processes } from "../lifecycle/processes.ts";
import { Reloader } from "../lifecycle/reloader.ts";
import { type BeforeRead, loadWatched, watchFiles } from "../lifecycle/watch.ts";
import type { ServeConfig } from "../load-config.ts";
import type { Log, LogOptions } from "../logging.ts";
import { logUncaughtExceptions, onHangup, onStop } from "../signals.ts";

/** Reads the configuration from its sources. On a reload, `before` is the one in use. */
export type LoadConfig = (beforeRead: BeforeRead, before?: ServeConfig) => Promise<ServeConfig>;

/**
 * Serves until a signal comes, then finishes what is under way.
 * @throws Failure before anything is started, or if requests had to be cut off at the end
 */
export async function serve(load: LoadConfig, openLog: (options: LogOptions) => Promise<Log>): Promise<void> {
  const reloader = new Reloader();
  const watch = watchFiles((files) => reloader.request(`changed: ${files.join(", ")}`));
  const loadAfter = (before?: LoadedConfig) =>
    loadWatched(
      watch,
      async (beforeRead) => loadFiles(await load(beforeRead, before?.config), beforeRead),
      (loaded = before) => loaded?.config.reload === "watch",
    );
  let current = await loadAfter();
  const log = await openLog(current.config);
  const processes = await createProcesses(current, log);
  const stop = onStop();
  onHangup(() => reloader.request("SIGHUP"));
  const { config } = current;
  const started = processes.start().then((url) => announce(config, url, log));
  // A signal to stop does not wait until everything has started.
  await Promise.race([started, stop]);
  logUncaughtExceptions(log);

  reloader.start(async (reason) => {
    try {
      const next = await loadAfter(current);
      await processes.reload(next);
      log.level = next.config.logLevel;
      report(current, next, reason, log);
      current = next;
    } catch (error) {
      log.error({ reason }, `reload refused, the old configuration stays in use: ${messageOf(error)}`);
    }
  });

  const signal = await stop;
  watch.stop();
  await end(processes, signal, current.config.drain, log);
}

async function createProcesses(first: LoadedConfig, log: Log): Promise<Processes> {
  if (first.config.workers > 1) {
    const { createWorkers } = await import("../workers/pool.ts");
    return createWorkers(first, log);
  }
  // The primary of a pool serves no clients, so it does without these modules.
  const { ServingProcess } = await import("../lifecycle/processes.ts");
  return new ServingProcess(first, log);
}

async function end(processes: Processes, signal: string, drain: Drain, log: Log): Promise<void> {
  const finished = processes.finish(drain);
  log.info({ signal, ...drain }, "finishing requests in flight");
  const { cut, closed, died } = await finished;
  if (!closed) {
    log.warn({}, "the router still waits for requests although no connection is left: this is a bug");
  }
  const hasDied = died !== undefined && died > 0;
  if (cut > 0 || hasDied) {
    log.warn({ cut, died }, "stopped, and cut off requests that did not finish in time");
    throw breakdown(
      hasDied
        ? `${died} workers ended before their requests had finished`
        : `${cut} requests were not finished within ${drain.timeout} ms and were cut off`,
    );
  }
  log.info({}, "stopped");
}

/** Logs the names of changed options, never their values, which may be secret. */
function report(before: LoadedConfig, after: LoadedConfig, reason: string, log: Log): void {
  for (const warning of after.config.warnings) {
    log.warn({}, warning);
  }
  for (const option of fixedDifferences(before, after)) {
    log.warn({ option }, `${option} has changed: restart to apply it`);
  }
  const changed = differences(before, after);
  log.info({ reason, changed }, changed.length === 0 ? "reloaded, nothing has changed" : "reloaded");
}

function announce(config: ServeConfig, url: string, log: Log): void {
  for (const warning of config.warnings) {
    log.warn({}, warning);
  }
  if (sendsPasswordsReadably(config)) {
    log.warn({}, readablePasswords);
  }
  const { hosted, proxy } = config.router;
  log.info(
    {
      hosted: urlOf(hosted),
      proxy: (Array.isArray(proxy) ? proxy : [proxy]).map(urlOf),
      auth: config.auth !== undefined || config.router.authorize !== undefined,
      ...(config.publicName !== undefined && { name: config.publicName }),
      ...(config.file !== undefined && { config: config.file.path }),
    },
    `listening on ${url}`,
  );
}

function urlOf(upstream: string | { readonly url: string }): string {
  return typeof upstream === "string" ? upstream : upstream.url;
}
