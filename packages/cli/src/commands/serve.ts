import { type CombinedRegistryConfig, createCombinedRegistryHandler } from "@combined-registry/core";
import type { LogLevel } from "../config/own-schema.ts";
import { defaults } from "../defaults.ts";
import { breakdown, messageOf } from "../failure.ts";
import { readablePasswords, sendsPasswordsReadably } from "../findings.ts";
import { createAuthorize } from "../htpasswd/authorize.ts";
import { createPasswords, type Passwords } from "../htpasswd/passwords.ts";
import { finish } from "../lifecycle/finish.ts";
import { differences, fixedDifferences, type Prepared, prepare } from "../lifecycle/loaded-config.ts";
import { Reloader } from "../lifecycle/reloader.ts";
import { loadWatched, type Reading, watchFiles } from "../lifecycle/watch.ts";
import type { ServeConfig } from "../load-config.ts";
import type { Log } from "../logging.ts";
import { listen, type RunningServer } from "../server.ts";
import { onHangup, onStop, surviveBugs } from "../signals.ts";

/** Reads the configuration from where it comes from. On a reload, `before` is the one in use. */
export type LoadConfig = (reading: Reading, before?: ServeConfig) => Promise<ServeConfig>;

/**
 * Serves until a signal comes, then finishes what is under way.
 * @throws Failure before anything is started, or if requests had to be cut off at the end
 */
export async function serve(load: LoadConfig, createLog: (level: LogLevel) => Log): Promise<void> {
  const reloader = new Reloader();
  const watch = watchFiles((files) => reloader.request(`changed: ${files.join(", ")}`));
  const loadAfter = (before?: Prepared) =>
    loadWatched(
      watch,
      async (reading) => prepare(await load(reading, before?.config), reading),
      (loaded = before) => loaded?.config.reload === "watch",
    );
  let current = await loadAfter();
  const { config } = current;
  const log = createLog(config.logLevel);
  if (config.workers > 1) {
    const { serveWithWorkers } = await import("../workers/primary.ts");
    return serveWithWorkers({ first: current, reload: loadAfter, reloader, watch, log });
  }
  const passwords = createPasswords(log);
  useUsers(passwords, current);
  const handler = createCombinedRegistryHandler(routerConfig(current, passwords, log));
  const stop = onStop();
  onHangup(() => reloader.request("SIGHUP"));
  const server = await listen(handler, { ...config, tls: current.tls, log });
  surviveBugs(log);
  announce(config, server, log);

  reloader.start(async (reason) => {
    try {
      const next = await loadAfter(current);
      handler.reload(routerConfig(next, passwords, log));
      useUsers(passwords, next);
      server.use({ ...next.config, tls: next.tls });
      log.level = next.config.logLevel;
      report(current, next, reason, log);
      current = next;
    } catch (error) {
      log.error({ reason }, `reload refused, everything stays as it was: ${messageOf(error)}`);
    }
  });

  const signal = await stop;
  watch.stop();
  handler.drain();
  const { drain } = current.config;
  const finished = finish({ server, handler, drain });
  log.info({ signal, ...drain }, "finishing what is under way");
  const { cut, closed } = await finished;
  if (!closed) {
    log.warn({}, "the router still waits for requests although no connection is left: this is a bug");
  }
  if (cut > 0) {
    log.warn({ cut }, "stopped, after cutting off what was not finished in time");
    throw breakdown(`${cut} requests were not finished within ${drain.timeout} ms and were cut off`);
  }
  log.info({}, "stopped");
}

export function useUsers(passwords: Passwords, { config, htpasswd }: Prepared): void {
  if (config.auth !== undefined && htpasswd !== undefined) {
    const { htpasswd: file, throttle } = config.auth;
    passwords.use(htpasswd, file.path, { throttle });
  }
}

export function routerConfig({ config }: Prepared, passwords: Passwords, log: Log): CombinedRegistryConfig {
  return {
    ...config.router,
    ...(config.auth !== undefined && { authorize: createAuthorize(passwords, config.auth.realm) }),
    metrics: { process: defaults.processMetrics, ...config.router.metrics },
    logger: log,
  };
}

/** Names options, never what they are set to: that may be secret. */
export function report(before: Prepared, after: Prepared, reason: string, log: Log): void {
  for (const warning of after.config.warnings) {
    log.warn({}, warning);
  }
  for (const option of fixedDifferences(before, after)) {
    log.warn({ option }, `${option} has changed, which takes a restart`);
  }
  const changed = differences(before, after);
  log.info({ reason, changed }, changed.length === 0 ? "reloaded, nothing has changed" : "reloaded");
}

export function announce(config: ServeConfig, server: Pick<RunningServer, "url">, log: Log): void {
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
    `listening on ${server.url}`,
  );
}

function urlOf(upstream: string | { readonly url: string }): string {
  return typeof upstream === "string" ? upstream : upstream.url;
}
