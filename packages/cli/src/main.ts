import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { check } from "./commands/check.ts";
import { explain } from "./commands/explain.ts";
import { type LoadConfig, serve } from "./commands/serve.ts";
import { Failure } from "./failure.ts";
import { loadConfig } from "./load-config.ts";
import { createLog } from "./logging.ts";
import { type Output, parseCommandLine, type Wanted } from "./program.ts";
import { painter, wantsColour } from "./report/colour.ts";

/** What of the process the program uses. */
export interface Surroundings extends Output {
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Whether output goes to a terminal. */
  readonly isTerminal?: boolean;
}

const theProcess: Surroundings = {
  environment: process.env,
  folder: process.cwd(),
  isTerminal: process.stdout.isTTY === true,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** Runs the program. Returns its exit code: 0, 1 for a failure while running, 2 for bad usage or configuration. */
export async function main(
  argv: readonly string[],
  surroundings: Surroundings = theProcess,
): Promise<number> {
  try {
    return await run(await parseCommandLine(argv, packageVersion(), surroundings), surroundings);
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has said its sentence. Help and version are no errors.
      return error.exitCode === 0 ? 0 : 2;
    }
    if (error instanceof Failure) {
      surroundings.err(error.message.replace(/^/gm, "combined-registry: ").concat("\n"));
      return error.exitCode;
    }
    surroundings.err(`combined-registry: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  }
}

async function run(wanted: Wanted, surroundings: Surroundings): Promise<number> {
  const { environment, folder, out } = surroundings;
  if (wanted.command === "demo") {
    // Nobody but the demo needs registries in this process.
    const { demo } = await import("./commands/demo.ts");
    await demo(wanted, out);
    return 0;
  }
  const { flags, configFile } = wanted;
  const load: LoadConfig = (reading, before) =>
    loadConfig({ flags, configFile, environment, folder, reading }, before?.file);
  const printer = { print: out, paint: painter(wantsColour(environment, surroundings.isTerminal === true)) };
  switch (wanted.command) {
    case "explain":
      return explain(load, wanted, printer);
    case "check":
      return check(load, wanted, printer);
    default:
      await serve(load, createLog);
      return 0;
  }
}

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return version;
}
