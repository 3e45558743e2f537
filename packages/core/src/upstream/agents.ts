import { type ClientRequest, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext, rootCertificates } from "node:tls";
import type { CompleteUpstream } from "../config/complete.ts";

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents {
  /** Keeps connections for the next request. */
  readonly pooled: HttpAgent;
  /** A connection for one request: for what cannot be sent twice, and for when a kept one turned out to be dead. */
  readonly fresh: HttpAgent;
  /** For where redirects lead: nothing of this upstream's TLS applies there. */
  elsewhere(url: URL): HttpAgent;
  /** For token endpoints: those on other hosts may have certificates of the upstream's own issuer, or of a public one. */
  tokens(url: URL): HttpAgent;
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
  const [pooled, fresh] =
    url.protocol === "https:"
      ? [
          quiet(new HttpsAgent({ ...pooledOptions, ...tlsOptions(tls) })),
          forOneRequest(new HttpsAgent({ keepAlive: true, ...tlsOptions(tls) })),
        ]
      : [quiet(new HttpAgent(pooledOptions)), forOneRequest(new HttpAgent({ keepAlive: true }))];
  const plain = quiet(new HttpAgent(pooledOptions));
  const secure = quiet(new HttpsAgent(pooledOptions));
  const elsewhere = ({ protocol }: URL) => (protocol === "https:" ? secure : plain);
  let secureTokens: HttpsAgent | undefined;
  return {
    pooled,
    fresh,
    elsewhere,
    tokens(address) {
      if (address.origin === url.origin) {
        return pooled;
      }
      if (address.protocol !== "https:" || tls.ca === undefined) {
        return elsewhere(address);
      }
      secureTokens ??= quiet(new HttpsAgent({ ...pooledOptions, secureContext: publicAnd(tls.ca) }));
      return secureTokens;
    },
    close() {
      for (const agent of [pooled, fresh, plain, secure, secureTokens]) {
        agent?.destroy();
      }
    },
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
