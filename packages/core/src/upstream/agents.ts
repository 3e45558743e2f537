import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { CompleteUpstream } from "../config/complete.ts";

/** The connections of one upstream, shared by lookups and by http-proxy. */
export interface Agents {
  /** Keeps connections for the next request. */
  readonly pooled: HttpAgent;
  /** A connection for one request: for when a kept one turned out to be dead. */
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
      ? [new HttpsAgent({ ...pooledOptions, ...tlsOptions(tls) }), new HttpsAgent(tlsOptions(tls))]
      : [new HttpAgent(pooledOptions), new HttpAgent()];
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
