import { type AgentOptions, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext, rootCertificates } from "node:tls";
import type { CompleteUpstream } from "../../config/complete.ts";
import { SocketReader } from "./large-body.ts";

export interface AgentPools {
  readonly pooled: HttpAgent;
  /** One connection per request: for requests that cannot be repeated, and after a kept connection turned out to be dead. */
  readonly fresh: HttpAgent;
}

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents extends AgentPools {
  /** For redirects: the upstream's TLS options do not apply to other hosts. */
  elsewhere(url: URL): AgentPools;
  /** For token endpoints: other hosts may have certificates from the upstream's own issuer, or from a public one. */
  tokens(url: URL): AgentPools;
  close(): void;
}

const pooledOptions = {
  keepAlive: true,
  // The newest idle connection is the least likely to have been closed by the other end.
  scheduling: "lifo",
  maxFreeSockets: 64,
} as const;

export function createAgents({ url, tls }: CompleteUpstream): Agents {
  const plain = createPools((options) => new HttpAgent(options));
  const secure = createPools((options) => new HttpsAgent(options));
  const own = createPools((options) =>
    url.protocol === "https:" ? new HttpsAgent({ ...options, ...tlsOptions(tls) }) : new HttpAgent(options),
  );
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
      if (secureTokens === undefined) {
        // One context for all connections: there are some hundred and fifty public certificates to parse.
        const secureContext = createSecureContext({ ca: [...rootCertificates, tls.ca] });
        secureTokens = createPools((options) => new HttpsAgent({ ...options, secureContext }));
      }
      return secureTokens;
    },
    close() {
      for (const pools of [own, plain, secure, secureTokens]) {
        pools?.pooled.destroy();
        pools?.fresh.destroy();
      }
    },
  };
}

function createPools(create: (options: AgentOptions) => HttpAgent): AgentPools {
  const pooled = SocketReader.addTo(create(pooledOptions));
  const fresh = SocketReader.addTo(create({ keepAlive: true }));
  closeOnUnexpectedBytes(pooled);
  // `keepAlive: false` would announce the close. An upstream that knows of it may close together with an early refusal, which is
  // then lost among the bytes of the upload that are still on their way.
  fresh.keepSocketAlive = () => false;
  return { pooled, fresh };
}

/**
 * Closes a kept connection on which bytes arrive between two requests: a second response, or the rest of a body that is longer than
 * announced. Node drops those bytes and keeps the connection, and would take what follows for the next request's response. Go and
 * undici close such a connection too.
 */
function closeOnUnexpectedBytes(agent: HttpAgent): void {
  const { keepSocketAlive, reuseSocket } = agent;
  const breakOff = function (this: Duplex) {
    this.destroy();
  };
  agent.keepSocketAlive = (socket) => {
    socket.once("data", breakOff);
    return keepSocketAlive.call(agent, socket);
  };
  agent.reuseSocket = (socket, request) => {
    socket.off("data", breakOff);
    reuseSocket.call(agent, socket, request);
  };
}

function tlsOptions({ ca, cert, key, serverName, verify }: CompleteUpstream["tls"]) {
  return {
    rejectUnauthorized: verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
