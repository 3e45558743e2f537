import { type ClientRequest, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext, rootCertificates } from "node:tls";
import type { CompleteUpstream } from "../../config/complete.ts";
import { Readers } from "./large-body.ts";

export interface AgentPools {
  /** Keeps connections for the next request. */
  readonly pooled: HttpAgent;
  /** One connection per request: for requests that cannot be sent twice, and after a kept connection turned out to be closed. */
  readonly fresh: HttpAgent;
  readonly readers: Readers;
}

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents extends AgentPools {
  /** For redirects: the upstream's TLS options do not apply there. */
  elsewhere(url: URL): AgentPools;
  /** For token endpoints: those on other hosts may have certificates of the upstream's `ca`, or of a public one. */
  tokens(url: URL): AgentPools;
  close(): void;
}

const pooledOptions = {
  keepAlive: true,
  // The newest idle connection is the least likely to have been closed at the other end.
  scheduling: "lifo",
  maxFreeSockets: 64,
} as const;

export function createAgents({ url, tls }: CompleteUpstream): Agents {
  const own = url.protocol === "https:" ? secureConnections(tlsOptions(tls)) : plainConnections();
  const plain = plainConnections();
  const secure = secureConnections({});
  const elsewhere = ({ protocol }: URL) => (protocol === "https:" ? secure : plain);
  let secureTokens: AgentPools | undefined;
  return {
    ...own,
    elsewhere,
    tokens(address) {
      if (address.origin === url.origin) {
        return own;
      }
      if (address.protocol !== "https:" || tls.ca === undefined) {
        return elsewhere(address);
      }
      secureTokens ??= secureConnections({ secureContext: publicAnd(tls.ca) });
      return secureTokens;
    },
    close() {
      for (const connections of [own, plain, secure, secureTokens]) {
        connections?.pooled.destroy();
        connections?.fresh.destroy();
      }
    },
  };
}

function plainConnections(): AgentPools {
  return connectionsOf(new HttpAgent(pooledOptions), new HttpAgent({ keepAlive: true }));
}

function secureConnections(options: HttpsAgentOptions): AgentPools {
  return connectionsOf(
    new HttpsAgent({ ...pooledOptions, ...options }),
    new HttpsAgent({ keepAlive: true, ...options }),
  );
}

function connectionsOf(pooled: HttpAgent, fresh: HttpAgent): AgentPools {
  const readers = new Readers();
  return {
    pooled: quiet(readers.readFor(pooled)),
    fresh: forOneRequest(readers.readFor(fresh)),
    readers,
  };
}

/**
 * Without `Connection: close`: an upstream that sees it may close the connection right after an early error response, which is then
 * lost while the upload still sends.
 */
function forOneRequest(agent: HttpAgent): HttpAgent {
  return Object.assign(agent, { keepSocketAlive: () => false });
}

/**
 * Closes a kept connection on which bytes arrive between requests: a second response, or the rest of a body that is longer than its
 * `Content-Length`. Node drops such bytes and keeps the connection, and would take what follows for the next response. Go and undici
 * close it too.
 */
function quiet<A extends HttpAgent>(agent: A): A {
  const { keepSocketAlive, reuseSocket } = agent;
  const breakOff = function (this: Duplex) {
    this.destroy();
  };
  return Object.assign(agent, {
    keepSocketAlive(socket: Duplex) {
      socket.once("data", breakOff);
      return keepSocketAlive.call(agent, socket);
    },
    reuseSocket(socket: Duplex, request: ClientRequest) {
      socket.off("data", breakOff);
      reuseSocket.call(agent, socket, request);
    },
  });
}

/** Made once: reading some 150 certificates takes time. */
function publicAnd(ca: string) {
  return createSecureContext({ ca: [...rootCertificates, ca] });
}

export function tlsOptions({ ca, cert, key, serverName, verify }: CompleteUpstream["tls"]) {
  return {
    rejectUnauthorized: verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
