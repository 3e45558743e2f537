/** What holds where nobody says anything. The router's own defaults stand in its package. */
export const defaults = {
  host: "0.0.0.0",
  port: 5000,
  workers: 1,
  logLevel: "info",
  /** Its process is the router's own. */
  processMetrics: true,
  maxConnections: 10_000,
  /** Milliseconds that what is under way has at the end. */
  drainTimeout: 300_000,
  /** Where and under which realm the nginx router kept its users. */
  htpasswdFile: "/etc/nginx/htpasswd",
  realm: "Docker registry login",
} as const;

/** From much to nothing. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
