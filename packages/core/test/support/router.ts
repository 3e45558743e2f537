import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import {
  type CombinedRegistryConfig,
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
} from "@combined-registry/core";

/** A router on a port of its own. */
export interface RunningRouter extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly handler: CombinedRegistryHandler;
}

/** Starts a router, or any listener around one, on a free port of the loopback. */
export async function startRouter(
  config: CombinedRegistryConfig,
  around: (
    handler: CombinedRegistryHandler,
  ) => (request: IncomingMessage, response: ServerResponse) => void = (handler) => handler,
): Promise<RunningRouter> {
  const handler = createCombinedRegistryHandler(config);
  const server = createServer({ requestTimeout: 0 }, around(handler));
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    handler,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), handler.close()]);
    },
  };
}

/** Listens on a free port of the loopback. */
export async function listen(server: NetServer): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A port of the loopback that is not listened on. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
