/** One registry behind the router. */
export interface UpstreamConfig {
  /**
   * The name of the upstream in metrics, logs, errors and `X-Combined-Registry`. It consists of lower-case letters, digits, `.`, `_`
   * and `-`, and begins with a letter.
   * @default "hosted" or "proxy"
   * @example "dockerhub"
   */
  name?: string;

  /**
   * The address of the upstream: `http://` or `https://`, without user, query or fragment. If it has a path, the router puts the path
   * before `/v2/`. A `/v2/` at the end of the address is ignored.
   * @example "http://registry-hosted:5000"
   */
  url: string;

  /** How the router checks the upstream's certificate, and the router's own client certificate. */
  tls?: UpstreamTlsConfig;

  /** Time limits for the upstream. */
  timeouts?: TimeoutsConfig;

  /**
   * What to do with redirects of blobs to another host, such as object storage. `pass`: send them to the client. `follow`: the router
   * follows them, without credentials. The router always follows redirects of manifests, and redirects to the upstream itself.
   * @default "pass"
   */
  redirects?: "pass" | "follow";

  /**
   * Other addresses by which the upstream names itself in `Location` and `Link`, such as its `http.host` or external URL. Only host and
   * port count. The router connects to `url` alone.
   * @default []
   * @example ["https://registry.internal"]
   */
  aliases?: readonly string[];

  /** The circuit breaker: the router stops asking an upstream that fails again and again. `false` switches it off. */
  breaker?: BreakerConfig | false;

  /** How many lookups may be in progress or wait. For further lookups, the router asks the next upstream or answers 503. */
  lookups?: LookupsConfig;

  /**
   * Host names, without port, that stand for this registry alone. Requests to them go to no other upstream.
   * @default []
   * @example ["hosted.example.com"]
   */
  hosts?: readonly string[];
}

/** The private registry. */
export interface HostedConfig extends UpstreamConfig {
  /**
   * The router's own credentials, or `"passthrough"`: hosted gets the client's `Authorization` header unchanged, and the client gets
   * hosted's challenges. If `auth` is not set, the router sends no credentials, not even those of the client.
   */
  auth?: CredentialsConfig | "passthrough";

  /**
   * Further headers of clients that hosted gets. Without this, it gets the headers that pulls and pushes need, and nothing else.
   * Proxies get none of these.
   * @default []
   * @example ["X-JFrog-Art-Api"]
   */
  forwardHeaders?: readonly string[];
}

/** A pull-through cache, or a public registry itself. */
export interface ProxyConfig extends UpstreamConfig {
  /** The router's own credentials. Without them, the router fetches an anonymous token if the registry asks for a token. */
  auth?: CredentialsConfig;

  /**
   * The registry that this proxy mirrors, by the name that containerd sends to a mirror (`?ns=docker.io`). Requests with this `ns` go to
   * this proxy alone.
   * @example "ghcr.io"
   */
  namespace?: string;

  /**
   * Ask this proxy for `library/nginx` if the client asks for `nginx`. Docker Hub needs this.
   * @default false
   */
  libraryPrefix?: boolean;

  /**
   * Patterns for the repository names that the router asks this proxy for. The syntax is the same as in `rules`.
   * @default "**"
   * @example ["library/**", "bitnami/*"]
   */
  match?: string | readonly string[];
}

/** A user of an upstream. The router sends it as Basic, or exchanges it for tokens if the upstream asks for Bearer. */
export interface CredentialsConfig {
  /** The user name. It cannot contain a colon, because a colon ends the name in Basic authentication (RFC 7617). @example "router" */
  username: string;
  /** The password, or a token that the registry accepts as a password. @example "${HOSTED_PASSWORD}" */
  password: string;
}

/** TLS towards an upstream. PEM text, not file names. */
export interface UpstreamTlsConfig {
  /** Certificates of the issuers that the router accepts for the upstream, in place of the system's. For the upstream's token endpoint it accepts both. @example "${INTERNAL_CA}" */
  ca?: string;
  /** The router's client certificate. It needs `key`. @example "${CLIENT_CERTIFICATE}" */
  cert?: string;
  /** The private key of `cert`. @example "${CLIENT_KEY}" */
  key?: string;
  /** The name that the upstream's certificate must have. @default the host of the URL @example "registry.internal" */
  serverName?: string;
  /** Whether to check the certificate. `false` accepts any certificate. @default true */
  verify?: boolean;
}

/** Time limits in milliseconds, each at least 1. */
export interface TimeoutsConfig {
  /** Time to open a connection, TLS included. @default 5000 @example 2000 */
  connect?: number;
  /** Time from the request of a lookup to the headers of its answer. @default 30000 @example 20000 */
  headers?: number;
  /** Longest pause in a response body, and longest time in which the upstream reads no byte of an upload. @default 60000 @example 30000 */
  idle?: number;
  /** Time from the last byte of an upload to the headers of the answer. Hosted needs a while for large layers. @default 900000 @example 1800000 */
  write?: number;
  /** Time for a whole request to `/v2/`, which the router sends for health checks and logins. @default 5000 @example 2000 */
  ping?: number;
}

/**
 * The circuit breaker of an upstream. While the circuit is open, lookups skip the upstream and move on to the next one at once. The router
 * probes the upstream in the background, and closes the circuit when a probe is answered.
 */
export interface BreakerConfig {
  /** How many failures in a row open the circuit: no connection, no answer in time, 502, 503 or 504. For a proxy, so many timeouts within a while also open it, even if other requests succeed in between. @default 5 @example 3 */
  failures?: number;
  /** Time until the first probe of an upstream whose circuit is open, in milliseconds. It doubles with each failed probe. @default 1000 @example 500 */
  delay?: number;
  /** The longest time between two probes, in milliseconds. It is at least `delay`. @default 10000 @example 60000 */
  longestDelay?: number;
}

/** Limits for lookups at one upstream. */
export interface LookupsConfig {
  /** The most lookups in progress at one time. A lookup is in progress until the headers of its answer arrive. @default 256 @example 64 */
  concurrent?: number;
  /** The most lookups that wait until another one ends. @default 1024 @example 256 */
  queued?: number;
}
