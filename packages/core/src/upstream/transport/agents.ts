import { type ClientRequest, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext, rootCertificates } from "node:tls";
import type { CompleteUpstream } from "../../config/complete.ts";
import { Readers } from "./large-body.ts";

/** Connections to one place. */
export interface AgentPools {
  /** Keeps connections for the next request. */
  readonly pooled: HttpAgent;
  /** A connection for one request: for what cannot be sent twice, and for when a kept one turned out to be dead. */
  readonly fresh: HttpAgent;
  /** Who reads their sockets. */
  readonly readers: Readers;
}

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents extends AgentPools {
  /** For where redirects lead: nothing of this upstream's TLS applies there. */
  elsewhere(url: URL): AgentPools;
  /** For token endpoints: those on other hosts may have certificates of the upstream's own issuer, or of a public one. */
  tokens(url: URL): AgentPools;
  close(): void;
}

const pooledOptions = {
  keepAlive: true,
  // The newest idle connection is the least likely to have been closed at the other end.
  scheduling: "lifo",
  maxFreeSockets: 64,
} as const;

/** Makes the agents of an upstream. */
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
 * The upstream is not told that the connection will be closed: one that knows may close it together with an early
 * refusal, which is lost then among the bytes of the upload that are still coming.
 */
function forOneRequest(agent: HttpAgent): HttpAgent {
  return Object.assign(agent, { keepSocketAlive: () => false });
}

/**
 * What arrives on a kept connection while nobody asks is no answer: a second one to a request that had its own, or the rest
 * of a body longer than was said. Node drops those bytes and keeps the connection, and what follows them would be taken for
 * the answer to the next request. Go and undici close it too.
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

/** Read once: there are some hundred and fifty of them. */
function publicAnd(ca: string) {
  return createSecureContext({ ca: [...rootCertificates, ca] });
}

/** An upstream's TLS choices in Node's words. */
export function tlsOptions({ ca, cert, key, serverName, verify }: CompleteUpstream["tls"]) {
  return {
    rejectUnauthorized: verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
