import { isIP } from "node:net";
import { type CombinedRegistryConfig, createCombinedRegistryHandler } from "@combined-registry/core";
import { createAuthorize, createHtpasswdVerifier, readHtpasswd } from "../htpasswd.ts";
import type { ServeConfig } from "../load-config.ts";
import type { Log } from "../logging.ts";
import { listen, type RunningServer } from "../server.ts";
import { toldToStop } from "../signals.ts";
import { readTls } from "../tls.ts";

/**
 * Serves until a signal comes, then finishes what is under way.
 * @throws Failure before anything is started
 */
export async function serve(config: ServeConfig, log: Log): Promise<void> {
  const tls = await readTls(config.tls);
  const authorize = await prepareAuth(config.auth, log);
  const handler = createCombinedRegistryHandler({
    ...config.router,
    ...authorize,
    metrics: { process: true, ...config.router.metrics },
    logger: log,
  });
  const stop = toldToStop();
  const server = await listen(handler, { host: config.host, port: config.port, tls });
  announce(config, server, log);

  const signal = await stop;
  handler.drain();
  const stopped = server.stop();
  log.info({ signal }, "finishing what is under way");
  await stopped;
  await handler.close();
  log.info({}, "stopped");
}

async function prepareAuth(
  auth: ServeConfig["auth"],
  log: Log,
): Promise<Pick<CombinedRegistryConfig, "authorize">> {
  if (auth === undefined) {
    return {};
  }
  const verify = createHtpasswdVerifier(await readHtpasswd(auth.htpasswd), auth.htpasswd.path, log);
  return { authorize: createAuthorize(verify, auth.realm) };
}

function announce(config: ServeConfig, server: RunningServer, log: Log): void {
  for (const warning of config.warnings) {
    log.warn({}, warning);
  }
  if (config.auth !== undefined && config.tls === undefined && !isLoopback(config.host)) {
    log.warn(
      {},
      "passwords cross the network readable to all, unless TLS ends at something in front of this port",
    );
  }
  const { hosted, proxy } = config.router;
  log.info(
    {
      hosted: urlOf(hosted),
      proxy: (Array.isArray(proxy) ? proxy : [proxy]).map(urlOf),
      auth: config.auth !== undefined || config.router.authorize !== undefined,
      ...(config.publicName !== undefined && { name: config.publicName }),
      ...(config.file !== undefined && { config: config.file }),
    },
    `listening on ${server.url}`,
  );
}

function urlOf(upstream: string | { readonly url: string }): string {
  return typeof upstream === "string" ? upstream : upstream.url;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
