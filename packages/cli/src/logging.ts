import { isatty } from "node:tty";
import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { LogFormat, LogLevel } from "./config/own-schema.ts";
import { wantsColour } from "./report/colour.ts";

/** The program's log: one JSON object per line, or lines for people. Fits the router's `Logger`. */
export type Log = Logger;

export interface LogOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

// Bytes. If the reader is stuck, further lines are dropped, so that they do not fill the memory.
const mostUnwritten = 16 * 1024 * 1024;

/** Logs JSON to a stream. People read the log too, so it has level names instead of pino's numbers. */
export function createLog(level: LogLevel, stream: DestinationStream): Log {
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
 * Logs to standard output without waiting for it. The rest is written when the process exits.
 * @param worker the number of this worker. All workers write to one standard output: a write of at most 4 KiB to a pipe is atomic (POSIX,
 *   PIPE_BUF), so lines of different workers do not mix.
 */
export async function openLog({ logLevel, logFormat }: LogOptions, worker?: number): Promise<Log> {
  const output = destination({
    dest: 1,
    sync: false,
    maxLength: mostUnwritten,
    ...(worker !== undefined && { maxWrite: 4096 }),
  });
  const log = createLog(logLevel, await formatted(output, logFormat, isatty(1)));
  return worker === undefined ? log : log.child({ worker });
}

/** The stream itself for JSON, else one that turns each line into one for people. */
export async function formatted(
  stream: DestinationStream,
  format: LogFormat,
  isTerminal: boolean,
): Promise<DestinationStream> {
  if (format === "json" || (format === "auto" && !isTerminal)) {
    return stream;
  }
  const { linePrinter } = await import("./report/log-line.ts");
  const print = linePrinter(wantsColour(process.env, isTerminal));
  return { write: (line) => stream.write(print(line)) };
}
