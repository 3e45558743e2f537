/** Defaults of the program. The defaults of the router are in its package. */
export const defaults = {
  host: "0.0.0.0",
  port: 5000,
  workers: 1,
  /** As in the library, which has its own copy: see `bases`. */
  base: "all",
  logLevel: "info",
  logFormat: "auto",
  /** The program exports process metrics, since the whole process is the router's. */
  processMetrics: true,
  maxConnections: 10_000,
  /** Milliseconds for requests under way after a signal to stop. */
  drainTimeout: 300_000,
  /** As in the nginx router that this program replaces; so is the realm. */
  htpasswdFile: "/etc/nginx/htpasswd",
  realm: "Docker registry login",
} as const;

/** The values of `base` that the library takes, for help and completion. A test compares both. */
export const bases = ["all", "hosted", "any"] as const;

/** From the most to the least. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** `auto`: text on a terminal, JSON everywhere else. */
export const logFormats = ["auto", "json", "text"] as const;
