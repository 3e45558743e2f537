import type { CredentialsConfig, MetricsConfig, UpstreamTlsConfig } from "@combined-registry/core";

/**
 * The options of the program itself as people write them. All other options are the router's. The defaults are in `own-schema.ts`.
 * Durations are in milliseconds.
 */
export interface OwnConfig {
  /** The JSON Schema of this file, for editors. @example "./node_modules/combined-registry/schema.json" */
  $schema?: string;

  /** The address to listen on. A change needs a restart. @example "127.0.0.1" */
  host?: string;

  /** The port to listen on. 0 is any free port. A change needs a restart. @example 443 */
  port?: unknown;

  /** How many processes share the port, or `auto` for one per processor. A change needs a restart. @example "auto" */
  workers?: unknown;

  /** Serve HTTPS. Switching it on or off needs a restart. */
  tls?: ListenerTlsConfig;

  /** Access control: ask clients for user and password. */
  auth?: UsersConfig;

  /** The most client connections at one time, in each worker. Further connections are closed at once. @example 2000 */
  maxConnections?: number;

  /** Time for a client to send the headers of a request. @example 10000 */
  headersTimeout?: number;

  /** Lifecycle: how the router stops after a signal. */
  drain?: DrainConfig;

  /**
   * When the router loads its files again. `watch`: when a file changes, and on SIGHUP. `signal`: only on SIGHUP.
   * @example "signal"
   */
  reload?: "watch" | "signal";

  /** The lowest level of log lines that are written. @example "warn" */
  logLevel?: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

  /**
   * How log lines are written. `json`: one JSON object per line. `text`: lines for people. `auto`: `text` on a terminal, `json` everywhere
   * else. A change needs a restart. @example "json"
   */
  logFormat?: "auto" | "json" | "text";
}

/** Certificate and key of the listener. */
export interface ListenerTlsConfig {
  /** The certificate, followed by its intermediate certificates (PEM). @example "./cert.pem" */
  certFile: string;
  /** The private key of the certificate (PEM). @example "./key.pem" */
  keyFile: string;
}

/** The users that may log in. */
export interface UsersConfig {
  /** The file with users and password hashes (bcrypt, apr1, SHA or crypt). @example "./htpasswd" */
  htpasswdFile: string;
  /** The public name of this address. Clients show it at a login. @default AGGREGATE_HOSTNAME, else "Docker registry login" @example "registry.example.com" */
  realm?: string;
  /** Whether addresses that send many wrong passwords have to wait (429). @example false */
  throttle?: boolean;
}

/** The two steps of stopping. */
export interface DrainConfig {
  /** Time for requests in flight to finish. Then they are cut off. A text of digits, as from a variable, is in seconds. @example 60000 */
  timeout?: unknown;
  /** Time before that in which the router still accepts connections, while `/readyz` already answers 503. @example 5000 */
  delay?: number;
}

/** Files that contain the texts of the router's TLS options. */
export interface UpstreamTlsFiles extends UpstreamTlsConfig {
  /** The file with the text of `ca`. @example "./internal-ca.pem" */
  caFile?: string;
  /** The file with the text of `cert`. It needs a key. @example "./client.pem" */
  certFile?: string;
  /** The file with the text of `key`. @example "./client-key.pem" */
  keyFile?: string;
}

/** A file that contains the password. */
export interface CredentialsFile extends CredentialsConfig {
  /** The file with the password, in place of `password`. A trailing newline is ignored. @example "/run/secrets/hosted" */
  passwordFile?: string;
}

/** The program adds a default to the options of the router. */
export interface ProgramMetrics extends MetricsConfig {
  /** Add the process metrics of Node (`process_*`, `nodejs_*`). @default true */
  process?: boolean;
}
