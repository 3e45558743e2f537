import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { binary } from "./build.ts";
import { within } from "./within.ts";

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

/** The built program as a process of its own. */
export interface Program extends AsyncDisposable {
  /**
   * Resolves with the first log line whose message contains the text, or a later one that does, and rejects should the
   * program end before.
   */
  logged(message: string, index?: number): Promise<LogLine>;
  /** The same for any line. */
  loggedWith(wanted: (line: LogLine) => boolean, label: string, milliseconds?: number): Promise<LogLine>;
  /** What it has logged up to now. */
  soFar(): readonly LogLine[];
  readonly pid: number | undefined;
  /** The same for any text that it prints for people. */
  printed(text: RegExp): Promise<RegExpExecArray>;
  /** The URL it says it listens on. */
  url(): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Exit code and everything written, once it has ended. */
  ended(): Promise<{ code: number | null; log: readonly LogLine[]; out: string; err: string }>;
}

export interface ProgramOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder?: string;
}

export function startProgram(argv: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, [binary, ...argv], {
    cwd: options.folder,
    env: { PATH: process.env.PATH, ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const err = text(child.stderr);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  const over = Promise.all([once(child, "exit"), once(output, "close"), err]);

  const waitFor = async <T>(
    find: () => T | undefined | null,
    label: string,
    milliseconds?: number,
  ): Promise<T> => {
    const ended = over.then(([, , complaint]) => {
      throw new Error(`ended without ${label}: ${complaint}`);
    });
    ended.catch(() => {});
    for (;;) {
      const found = find();
      if (found !== undefined && found !== null) {
        return found;
      }
      await within(Promise.race([once(output, "line"), ended]), label, milliseconds);
    }
  };
  const logged = (message: string, index = 0) =>
    waitFor(
      () => readLog(lines).filter(({ msg }) => msg.includes(message))[index],
      `"${message}" in the log`,
    );

  return {
    logged,
    loggedWith: (wanted, label, milliseconds) =>
      waitFor(() => readLog(lines).find(wanted), label, milliseconds),
    soFar: () => readLog(lines),
    pid: child.pid,
    printed: (text) => waitFor(() => text.exec(lines.join("\n")), `${text} in what it prints`),
    url: async () => (await logged("listening on ")).msg.replace("listening on ", ""),
    signal: (signal) => child.kill(signal),
    async ended() {
      const [[code], , complaint] = await within(over, "the program to end");
      return { code, log: readLog(lines), out: lines.join("\n"), err: complaint };
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** Lines that are no JSON are for people. */
function readLog(lines: readonly string[]): LogLine[] {
  return lines.filter((line) => line.startsWith('{"')).map((line): LogLine => JSON.parse(line));
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}
