import type { Log } from "./logging.ts";

/** Resolves with the first SIGTERM or SIGINT. A second one ends the process on the spot, with code 1. */
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

/** Calls back at every SIGHUP, which would end the process otherwise. */
export function onHangup(callback: () => void): void {
  // Windows sends it when a console closes, and ends the process soon after.
  if (process.platform !== "win32") {
    process.on("SIGHUP", callback);
  }
}

/**
 * An exception that nobody caught costs the one request it came from. To go on is sound here, where it would not be
 * everywhere: requests share no state that one of them could leave half changed, and all that waits has a deadline.
 */
export function logUncaughtExceptions(log: Log): void {
  process.on("uncaughtException", (error, origin) => {
    log.error({ err: error, origin }, "an exception that nobody caught: this is a bug, serving goes on");
  });
}
