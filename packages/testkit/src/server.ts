import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Authentication } from "./http/auth.ts";
import { Faults } from "./http/faults.ts";
import { type Layers, listener } from "./http/listener.ts";
import { RateLimit } from "./http/rate-limit.ts";
import { Recording } from "./http/record.ts";
import { routesOf } from "./http/route.ts";
import type { ActiveFault, Fault, RecordedRequest, RegistryOptions } from "./options.ts";
import type { Store } from "./storage/store.ts";

/** A listening HTTP server of a registry. */
export interface RegistryServer {
  readonly url: string;
  readonly host: string;
  readonly requests: readonly RecordedRequest[];
  clearRequests(): void;
  fault(fault: Fault): ActiveFault;
  clearFaults(): void;
  readonly openResponses: number;
  readonly openConnections: number;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Serves a store in the manner that the options say.
 * @param elsewhere origin of the registry's other host
 * @throws Error if it cannot listen
 */
export async function startServer(
  options: RegistryOptions,
  store: Store,
  authentication: Authentication,
  elsewhere?: string,
): Promise<RegistryServer> {
  const registry = { options, store, uploads: new Map(), parseRoute: routesOf(options), elsewhere };
  const layers = {
    registry,
    authentication,
    rateLimit: new RateLimit(),
    faults: new Faults(),
    recording: new Recording(),
  };
  const server =
    options.tls === undefined
      ? createServer({ requestTimeout: 0 })
      : createSecureServer({ ...options.tls, requestTimeout: 0 });
  const open = track(server, layers);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const { host: name = "127.0.0.1" } = options;
  const host = `${name.includes(":") ? `[${name}]` : name}:${port}`;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${host}`,
    host,
    get requests() {
      return layers.recording.requests;
    },
    clearRequests: () => layers.recording.clear(),
    fault: (fault) => layers.faults.add(fault),
    clearFaults: () => layers.faults.clear(),
    get openResponses() {
      return open.responses.size;
    },
    get openConnections() {
      return open.connections.size;
    },
    close: () => close(server, open),
  };
}

interface Open {
  readonly responses: Set<object>;
  /** The sockets below TLS, where there is TLS. */
  readonly connections: Set<Socket>;
}

function track(server: Server, layers: Omit<Layers, "reset">): Open {
  const open: Open = { responses: new Set(), connections: new Set() };
  server.on("connection", (socket) => {
    open.connections.add(socket);
    socket.once("close", () => open.connections.delete(socket));
  });
  // A TLS socket cannot be reset, the one below it can; they share the client's port.
  const reset = ({ remotePort }: Socket) => {
    for (const connection of open.connections) {
      if (connection.remotePort === remotePort) {
        connection.resetAndDestroy();
      }
    }
  };
  server.on("request", (request, response) => {
    open.responses.add(response);
    response.once("close", () => open.responses.delete(response));
    // A client that goes away is not this process's misfortune.
    request.on("error", () => undefined);
    void listener({ ...layers, reset }, request, response);
  });
  return open;
}

function listen(server: Server, { host = "127.0.0.1", port = 0 }: RegistryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}

function close(server: Server, { connections }: Open): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Those too that have not got as far as a request, or a TLS handshake.
    for (const connection of connections) {
      connection.destroy();
    }
  });
}
