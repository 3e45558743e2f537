import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { LogLevel } from "./config/own-schema.ts";

/** The program's log: one JSON object per line. Fits the router's `Logger`. */
export type Log = Logger;

// A reader that stands still must not fill the memory: what is beyond this is lost. Bytes.
const mostUnwritten = 16 * 1024 * 1024;

/**
 * Logs to standard output without waiting for it; what is left is written when the process exits.
 * Level names instead of pino's numbers, since people read this too.
 */
export function createLog(
  level: LogLevel,
  stream: DestinationStream = destination({ dest: 1, sync: false, maxLength: mostUnwritten }),
): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/**
 * The log of one of several processes that write to one standard output. What fits into one write of 4 KiB is never torn
 * apart by what others write to the same pipe (POSIX, PIPE_BUF).
 */
export function createWorkerLog(level: LogLevel, worker: number): Log {
  return createLog(
    level,
    destination({ dest: 1, sync: false, maxLength: mostUnwritten, maxWrite: 4096 }),
  ).child({ worker });
}
