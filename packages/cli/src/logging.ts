import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { LogLevel } from "./config/own-schema.ts";

/** The program's log: one JSON object per line. Fits the router's `Logger`. */
export type Log = Logger;

// Bytes. If the reader is stuck, further lines are dropped, so that they do not fill the memory.
const mostUnwritten = 16 * 1024 * 1024;

/**
 * Logs to standard output without waiting for it. The rest is written when the process exits. People read the log too, so it has level
 * names instead of pino's numbers.
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
 * The log of a worker. All workers write to one standard output: a write of at most 4 KiB to a pipe is atomic (POSIX, PIPE_BUF), so
 * lines of different workers do not mix.
 */
export function createWorkerLog(level: LogLevel, worker: number): Log {
  return createLog(
    level,
    destination({ dest: 1, sync: false, maxLength: mostUnwritten, maxWrite: 4096 }),
  ).child({ worker });
}
