import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { isatty } from "node:tty";
import { CommanderError } from "commander";
import type { LoadConfig } from "./commands/serve.ts";
import { errorCode, Failure } from "./failure.ts";
import { type Output, type ParsedCommand, parseCommandLine } from "./program.ts";
import { painter, wantsColour } from "./report/colour.ts";
import { createProgress, showsProgress } from "./report/progress.ts";

/** The parts of the process that the program uses. */
export interface ProcessIo extends Output {
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Which streams are terminals. @default none */
  readonly terminals?: Terminals;
  /** Resolves when nobody reads standard output any more. @default never */
  readonly readerGone?: Promise<void>;
  /** Standard input. @default empty */
  readonly input?: () => NodeJS.ReadableStream;
}

interface Terminals {
  readonly input: boolean;
  readonly output: boolean;
  readonly errors: boolean;
}

function processIo(): ProcessIo {
  return {
    environment: process.env,
    folder: process.cwd(),
    input: () => process.stdin,
    terminals: { input: isatty(0), output: isatty(1), errors: isatty(2) },
    readerGone: pipeClosed(process.stdout, process.stderr),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}

/** A reader such as `head` closes its pipe when it has enough. That is no failure of this program. */
function pipeClosed(...streams: readonly NodeJS.WritableStream[]): Promise<void> {
  return new Promise((resolve) => {
    for (const stream of streams) {
      stream.on("error", (error) => {
        if (errorCode(error) !== "EPIPE") {
          throw error;
        }
        resolve();
      });
    }
  });
}

const noInput = () => Readable.from([]);
const never = new Promise<void>(() => {});
const noTerminals: Terminals = { input: false, output: false, errors: false };

/** Runs the program. Returns its exit code: 0, 1 for a failure while running, 2 for wrong usage or configuration. */
export async function main(argv: readonly string[], io: ProcessIo = processIo()): Promise<number> {
  try {
    return await run(await parseCommandLine(argv, packageVersion(), io), io);
  } catch (error) {
    if (error instanceof CommanderError) {
      // commander has printed its message. Help and version end with exit code 0.
      return error.exitCode === 0 ? 0 : 2;
    }
    if (error instanceof Failure) {
      io.err(error.message.replace(/^/gm, "combined-registry: ").concat("\n"));
      return error.exitCode;
    }
    io.err(`combined-registry: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  }
}

/** Each command imports its own modules, so that help and version start quickly. */
async function run(command: ParsedCommand, io: ProcessIo): Promise<number> {
  const { environment, folder, out, terminals = noTerminals } = io;
  const progress = createProgress(io.err, showsProgress(environment, terminals.errors));
  if (command.command === "demo") {
    const { demo } = await import("./commands/demo.ts");
    await demo(command, { print: out, readerGone: io.readerGone ?? never, progress });
    return 0;
  }
  if (command.command === "completion") {
    const { completionScript } = await import("./completion/shells.ts");
    out(completionScript(command.program, command.shell));
    return 0;
  }
  if (command.command === "init") {
    const { init } = await import("./commands/init.ts");
    const asks = terminals.input && terminals.output;
    return init(command, { environment, folder, print: out, asks, input: io.input ?? noInput });
  }
  const { flags, configFile } = command;
  const { loadConfig } = await import("./load-config.ts");
  const load: LoadConfig = (beforeRead, before) =>
    loadConfig({ flags, configFile, environment, folder, beforeRead }, before?.file);
  const printer = { print: out, paint: painter(wantsColour(environment, terminals.output)) };
  switch (command.command) {
    case "explain": {
      const { explain } = await import("./commands/explain.ts");
      return explain(load, command, printer);
    }
    case "check": {
      const { check } = await import("./commands/check.ts");
      return check(load, command, printer, progress);
    }
    case "health": {
      const { health } = await import("./commands/health.ts");
      return health({ flags, configFile, environment, folder, beforeRead: async () => undefined });
    }
    default: {
      const [{ serve }, { openLog }] = await Promise.all([
        import("./commands/serve.ts"),
        import("./logging.ts"),
      ]);
      await serve(load, openLog);
      return 0;
    }
  }
}

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return version;
}
