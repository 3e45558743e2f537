import type { Log } from "./logging.ts";

/** Resolves with the first SIGTERM or SIGINT. A second one exits at once, with code 1. */
export function onStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (told) {
          process.exit(1);
        }
        told = true;
        resolve(signal);
      });
    }
  });
}

/** Calls back at every SIGHUP. Without a listener, SIGHUP would end the process. */
export function onHangup(callback: () => void): void {
  // Windows sends it when a console closes, and ends the process soon after.
  if (process.platform !== "win32") {
    process.on("SIGHUP", callback);
  }
}

/**
 * Goes on after an uncaught exception, which then costs only the request that it came from. This is safe here: requests share no state
 * that one of them could leave half changed, and everything that waits has a timeout.
 */
export function logUncaughtExceptions(log: Log): void {
  process.on("uncaughtException", (error, origin) => {
    log.error({ err: error, origin }, "uncaught exception: this is a bug, the router keeps serving");
  });
}
