import { once } from "node:events";
import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";

/**
 * Starts a public registry, a private registry and the router in front of both, all in this process and each on a free port.
 * @param config further options of the router
 */
export async function startRegistries(config = {}) {
  const [cache, hosted] = await Promise.all([startRegistry(), startRegistry()]);
  const handler = createCombinedRegistryHandler({ hosted: hosted.url, proxy: cache.url, ...config });
  const server = createServer(serverOptions, handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cache,
    hosted,
    async close() {
      server.close();
      server.closeAllConnections();
      await Promise.all([handler.close(), cache.close(), hosted.close()]);
    },
  };
}
