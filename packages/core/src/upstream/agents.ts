import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { CompleteUpstream } from "../config/complete.ts";

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents {
  /** Keeps connections for the next request. */
  readonly pooled: HttpAgent;
  /** A connection for one request: for what cannot be sent twice, and for when a kept one turned out to be dead. */
  readonly fresh: HttpAgent;
  /** For where redirects lead: nothing of this upstream's TLS applies there. */
  elsewhere(url: URL): HttpAgent;
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
          new HttpsAgent({ ...pooledOptions, ...tlsOptions(tls) }),
          forOneRequest(new HttpsAgent({ keepAlive: true, ...tlsOptions(tls) })),
        ]
      : [new HttpAgent(pooledOptions), forOneRequest(new HttpAgent({ keepAlive: true }))];
  const plain = new HttpAgent(pooledOptions);
  const secure = new HttpsAgent(pooledOptions);
  return {
    pooled,
    fresh,
    elsewhere: ({ protocol }) => (protocol === "https:" ? secure : plain),
    close() {
      for (const agent of [pooled, fresh, plain, secure]) {
        agent.destroy();
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
