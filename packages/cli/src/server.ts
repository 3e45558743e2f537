import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, Server as NetServer } from "node:net";
import { trackConnections } from "./connections.ts";
import { breakdown, errorCode, messageOf } from "./failure.ts";

/** Certificate and private key, PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen. */
export interface ServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
}

/** A server that listens. */
export interface RunningServer {
  readonly address: AddressInfo;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Accepts nothing more, closes idle connections at once and the others after their answer. */
  stop(): Promise<void>;
}

const limits = {
  // Node's 300 s would cut the push of a large layer; time without progress is limited by the router.
  requestTimeout: 0,
  headersTimeout: 60_000,
  // Longer than load balancers keep theirs (60 s), so that they never write to a connection being closed.
  keepAliveTimeout: 75_000,
  // Tokens of some identity providers exceed Node's 16 KiB.
  maxHeaderSize: 64 * 1024,
};

/**
 * Listens.
 * @throws Failure if the address cannot be had
 */
export async function listen(
  listener: RequestListener,
  { host, port, tls }: ServerOptions,
): Promise<RunningServer> {
  const server = createServer(listener, tls);
  const connections = trackConnections(server, tls === undefined ? "connection" : "secureConnection");
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
    stop: () =>
      new Promise((resolve) => {
        // Node's http close() destroys every connection whose answer has ended, even if megabytes of it
        // have yet to leave. The plain one only stops listening; `connections` knows what is finished.
        NetServer.prototype.close.call(server, () => resolve());
        connections.drain();
      }),
  };
}

function createServer(listener: RequestListener, tls: TlsMaterial | undefined): Server {
  // A connection that never finishes its handshake would hold up `stop`.
  return tls === undefined
    ? createHttpServer(limits, listener)
    : createHttpsServer({ ...limits, ...tls, handshakeTimeout: 10_000 }, listener);
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
