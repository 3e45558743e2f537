import type { CredentialsConfig, MetricsConfig, UpstreamTlsConfig } from "@combined-registry/core";

/**
 * The options of the command line program itself as people write them; all others are the router's. Every default stands in
 * `own-schema.ts`. Durations are milliseconds.
 */
export interface OwnConfig {
  /** Where the JSON Schema of this file is, for editors. @example "./node_modules/combined-registry/schema.json" */
  $schema?: string;

  /** The address to listen on. A change takes a restart. @example "127.0.0.1" */
  host?: string;

  /** The port to listen on; 0 is any that is free. A change takes a restart. @example 443 */
  port?: unknown;

  /** How many processes share the port, or `auto` for one per processor. A change takes a restart. @example "auto" */
  workers?: unknown;

  /** Serve HTTPS. Switching it on or off takes a restart. */
  tls?: ListenerTlsConfig;

  /** Ask clients for user and password. */
  auth?: UsersConfig;

  /** Clients' connections at one time, of each worker; those beyond are closed at once. @example 2000 */
  maxConnections?: number;

  /** How long the headers of a request may take. @example 10000 */
  headersTimeout?: number;

  /** What happens when the program is told to stop. */
  drain?: DrainConfig;

  /**
   * `watch`: files that change are loaded again by themselves; `signal`: on SIGHUP alone.
   * @example "signal"
   */
  reload?: "watch" | "signal";

  /** How much is logged. @example "warn" */
  logLevel?: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
}

/** What clients are served HTTPS with. */
export interface ListenerTlsConfig {
  /** The certificate, with those between it and the root (PEM). @example "./cert.pem" */
  certFile: string;
  /** The private key that belongs to it (PEM). @example "./key.pem" */
  keyFile: string;
}

/** Who is let in. */
export interface UsersConfig {
  /** Users and passwords: bcrypt, apr1, SHA and crypt lines. @example "./htpasswd" */
  htpasswdFile: string;
  /** The public name of this address, shown to people who log in. @default AGGREGATE_HOSTNAME, else "Docker registry login" @example "registry.example.com" */
  realm?: string;
  /** Addresses that send wrong passwords have to wait. @example false */
  throttle?: boolean;
}

/** The end, in two steps. */
export interface DrainConfig {
  /** Time for what is under way, then it is cut off. A text of digits, as from a variable, is seconds. @example 60000 */
  timeout?: unknown;
  /** How long to go on accepting connections first, while `/readyz` says 503 already. @example 5000 */
  delay?: number;
}

/** Certificates and keys that are in files, beside what the router takes as text. */
export interface UpstreamTlsFiles extends UpstreamTlsConfig {
  /** The file that has `ca`. @example "./internal-ca.pem" */
  caFile?: string;
  /** The file that has `cert`; needs a key. @example "./client.pem" */
  certFile?: string;
  /** The file that has `key`. @example "./client-key.pem" */
  keyFile?: string;
}

/** A password that is in a file. */
export interface CredentialsFile extends CredentialsConfig {
  /** The file that has the password, in place of `password`. A newline at its end is none of it. @example "/run/secrets/hosted" */
  passwordFile?: string;
}

/** What `/metrics` has beside the router's own. */
export interface ProgramMetrics extends MetricsConfig {
  /** Add the process metrics of Node (`process_*`, `nodejs_*`). @default true */
  process?: boolean;
}
