import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { answerPlainHttp, serverOptions } from "@combined-registry/core";
import { defaults } from "./defaults.ts";
import { breakdown, errorCode, messageOf } from "./failure.ts";
import type { Log } from "./logging.ts";

/** Certificate and private key, PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface Limits {
  /** Most connections at one time; more are closed at once. @default 10000 */
  readonly maxConnections: number;
  /** Milliseconds for the headers of a request. @default 30000 */
  readonly headersTimeout: number;
}

export interface ServerOptions extends Partial<Limits> {
  readonly host: string;
  /** 0: the system chooses one. */
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  /** For a warning when connections are refused. */
  readonly log?: Pick<Log, "warn">;
}

/** A server that listens. */
export interface RunningServer {
  readonly address: AddressInfo;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Changes the limits and the certificate. Open connections keep their certificate. */
  use(options: Limits & Pick<ServerOptions, "tls">): void;
  /**
   * After `delay`, stops listening and closes idle connections. Closes the others after their response, or after `timeout` (both in
   * milliseconds). Returns how many responses were cut off.
   */
  stop(options?: { readonly delay?: number; readonly timeout?: number }): Promise<number>;
}

/**
 * Starts to listen.
 * @throws Failure if the address cannot be had
 */
export async function listen(listener: RequestListener, options: ServerOptions): Promise<RunningServer> {
  const { host, port, tls, log } = options;
  keepFreedMemory();
  const server = createServer(listener, tls);
  const connections = trackConnections(server, tls === undefined ? "connection" : "secureConnection");
  applyLimits(server, options);
  warnOfDrops(server, log);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw breakdown(`cannot tell the address listened on at ${host}:${port}`);
  }
  return {
    address,
    url: `${tls === undefined ? "http" : "https"}://${hostAndPort(address.address, address.port)}`,
    use(next) {
      applyLimits(server, next);
      if (server instanceof HttpsServer && next.tls !== undefined) {
        server.setSecureContext(next.tls);
      }
    },
    async stop({ delay = 0, timeout = 0 } = {}) {
      if (delay > 0) {
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
      return new Promise((resolve) => {
        let cut = 0;
        const cutOff = () => {
          cut = connections.cut();
        };
        const timer = timeout > 0 ? setTimeout(cutOff, timeout) : undefined;
        // Node's http close() destroys every connection whose response has ended, even if megabytes of it are still to be sent.
        // The close() of net only stops listening; `connections` knows which responses are finished.
        NetServer.prototype.close.call(server, () => {
          clearTimeout(timer);
          resolve(cut);
        });
        connections.drain();
      });
    },
  };
}

function createServer(listener: RequestListener, tls: TlsMaterial | undefined): Server {
  if (tls === undefined) {
    return createHttpServer(serverOptions, listener);
  }
  // A connection that never finishes its handshake would hold up `stop`.
  const server = createHttpsServer({ ...serverOptions, ...tls, handshakeTimeout: 10_000 }, listener);
  answerPlainHttp(server);
  return server;
}

function applyLimits(server: Server, options: Partial<Limits>): void {
  server.maxConnections = options.maxConnections ?? defaults.maxConnections;
  server.headersTimeout = options.headersTimeout ?? serverOptions.headersTimeout;
}

const minute = 60_000;

function warnOfDrops(server: Server, log: ServerOptions["log"]): void {
  let dropped = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  server.on("drop", () => {
    dropped += 1;
    if (performance.now() - saidAt >= minute) {
      log?.warn(
        { dropped, maxConnections: server.maxConnections },
        "too many connections are open: new ones are closed",
      );
      saidAt = performance.now();
      dropped = 0;
    }
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use by another program (--port chooses another)",
  EACCES: "permission denied (ports below 1024 are often for root alone)",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the host name is not known",
};

function cannotListen(error: Error, host: string, port: number) {
  const reason = reasons[errorCode(error) ?? ""] ?? messageOf(error);
  return breakdown(`cannot listen on ${hostAndPort(host, port)}: ${reason}`, error);
}

function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface Connections {
  /** Closes idle connections now, and the others as soon as their responses are sent. */
  drain(): void;
  /** Destroys all connections. Returns how many responses were unfinished. */
  cut(): number;
}

/**
 * Counts the unfinished responses of each connection. Call it before the server listens.
 * `announcement` is the event that has the sockets of requests; it is another one with TLS.
 */
export function trackConnections(
  server: Server,
  announcement: "connection" | "secureConnection",
): Connections {
  const unfinished = new Map<Socket, number>();
  let draining = false;

  const closeIfIdle = (socket: Socket) => {
    if (draining && unfinished.get(socket) === 0) {
      // Lets the kernel send what it still holds.
      socket.destroySoon();
    }
  };

  server.on(announcement, (socket: Socket) => {
    unfinished.set(socket, 0);
    socket.once("close", () => unfinished.delete(socket));
    closeIfIdle(socket);
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    unfinished.set(socket, (unfinished.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const count = unfinished.get(socket);
      // If the client left, the connection may have closed before the response: its socket must not return to the map.
      if (count !== undefined) {
        unfinished.set(socket, count - 1);
        closeIfIdle(socket);
      }
    });
  });

  return {
    drain() {
      draining = true;
      for (const socket of unfinished.keys()) {
        closeIfIdle(socket);
      }
    },
    cut() {
      let responses = 0;
      for (const [socket, count] of unfinished) {
        responses += count;
        socket.destroy();
      }
      return responses;
    },
  };
}

const mebibyte = 1024 * 1024;

/**
 * Makes glibc keep freed memory (up to twice the size below) instead of returning it to the kernel and asking for it again. Without
 * this, each GB of an upload cost 150,000 page faults and two thirds of the processor time.
 *
 * When a block that came from `mmap` is freed, glibc raises the size from which it uses `mmap` (mallopt(3), M_MMAP_THRESHOLD), to at most
 * 32 MiB; hence 31 MiB and what glibc adds. The block is never written to, so it takes no memory, and the first garbage collection frees
 * it. Other C libraries ignore this.
 */
export function keepFreedMemory(): void {
  Buffer.allocUnsafeSlow(31 * mebibyte);
}
