/** One registry behind the router. */
export interface UpstreamConfig {
  /**
   * What the upstream is called in metrics, logs, errors and `X-Combined-Registry`: lower-case letters,
   * digits, `.`, `_` and `-`, beginning with a letter.
   * @default "hosted" or "proxy"
   * @example "dockerhub"
   */
  name?: string;

  /**
   * Where it is: `http://` or `https://`, without user, query or fragment. A path is put before `/v2/`.
   * @example "http://registry-hosted:5000"
   */
  url: string;

  /** How its certificate is checked, and what the router shows of its own. */
  tls?: UpstreamTlsConfig;

  /** How long it may take. */
  timeouts?: TimeoutsConfig;

  /**
   * What happens to its redirects (to object storage, say): passed to the client, or followed here,
   * without credentials.
   * @default "pass"
   */
  redirects?: "pass" | "follow";

  /** When its circuit opens because it does not answer; `false`: never. */
  breaker?: BreakerConfig | false;

  /** How many requests may wait for the head of an answer. Beyond, the next upstream is asked, or 503 is answered. */
  lookups?: LookupsConfig;

  /**
   * Host names, without port, under which clients reach this registry alone.
   * @default []
   * @example ["hosted.example.com"]
   */
  hosts?: readonly string[];
}

/** The private registry. */
export interface HostedConfig extends UpstreamConfig {
  /**
   * The router's own credentials, or `"passthrough"`: the client's `Authorization` goes to hosted as it
   * is, and hosted's challenges reach the client. Without either, the client's credentials go nowhere.
   */
  auth?: CredentialsConfig | "passthrough";
}

/** A pull-through cache, or a public registry itself. */
export interface ProxyConfig extends UpstreamConfig {
  /** The router's own credentials. Without them a registry that asks for a token is asked for an anonymous one. */
  auth?: CredentialsConfig;

  /**
   * The registry whose content it has, as containerd calls it when it asks a mirror (`?ns=docker.io`): such requests go to
   * this proxy alone.
   * @example "ghcr.io"
   */
  namespace?: string;

  /**
   * Ask it for `library/nginx` when the client says `nginx`, as Docker Hub is to be asked.
   * @default false
   */
  libraryPrefix?: boolean;

  /**
   * Patterns over the names that it is asked for, as in rules.
   * @default "**"
   * @example ["library/**", "bitnami/*"]
   */
  match?: string | readonly string[];
}

/** A user of an upstream: sent as Basic, or exchanged for tokens where the upstream asks for Bearer. */
export interface CredentialsConfig {
  /** The user, without a colon, which would end it (RFC 7617). @example "router" */
  username: string;
  /** The password, or a token that the registry takes in place of one. @example "${HOSTED_PASSWORD}" */
  password: string;
}

/** TLS towards an upstream. PEM text, not file names. */
export interface UpstreamTlsConfig {
  /** Certificates that may sign the upstream's, in place of the system's; and, beside those, its token endpoint's. @example "${INTERNAL_CA}" */
  ca?: string;
  /** The router's client certificate; needs `key`. @example "${CLIENT_CERTIFICATE}" */
  cert?: string;
  /** The private key of `cert`. @example "${CLIENT_KEY}" */
  key?: string;
  /** The name to expect in the upstream's certificate. @default the URL's host @example "registry.internal" */
  serverName?: string;
  /** `false` accepts any certificate. @default true */
  verify?: boolean;
}

/** Milliseconds, each at least 1. */
export interface TimeoutsConfig {
  /** Until a connection stands, TLS included. @default 5000 @example 2000 */
  connect?: number;
  /** From a lookup's request to its response headers. @default 30000 @example 20000 */
  headers?: number;
  /** Without a byte of a response body. @default 60000 @example 30000 */
  idle?: number;
  /** From the last byte of an upload to its response headers; large layers take hosted a while. @default 900000 @example 1800000 */
  write?: number;
  /** For the whole of a `/v2/` asked for on behalf of health checks and of clients that log in. @default 5000 @example 2000 */
  ping?: number;
}

/**
 * When the circuit of an upstream opens: lookups then go on to the next one at once. A request that failed is repeated in the
 * background until it is answered.
 */
export interface BreakerConfig {
  /** Failures in a row (no connection, no answer, 502, 503, 504), or so many late ones within a while. @default 5 @example 3 */
  failures?: number;
  /** Milliseconds until it is tried again; doubled with each try in vain. @default 1000 @example 500 */
  delay?: number;
  /** The longest such time, in milliseconds. @default 10000 @example 60000 */
  longestDelay?: number;
}

/** How many requests one upstream may keep waiting. */
export interface LookupsConfig {
  /** Asked at a time, each until the head of its answer is there. @default 256 @example 64 */
  concurrent?: number;
  /** Waiting for their turn. @default 1024 @example 256 */
  queued?: number;
}
