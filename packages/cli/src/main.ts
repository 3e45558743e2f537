import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { serve } from "./commands/serve.ts";
import { Failure } from "./failure.ts";
import { loadConfig } from "./load-config.ts";
import { createLog } from "./logging.ts";
import { type Output, parseCommandLine, type Wanted } from "./program.ts";

/** What of the process the program uses. */
export interface Surroundings extends Output {
  readonly environment: NodeJS.ProcessEnv;
  readonly folder: string;
}

const theProcess: Surroundings = {
  environment: process.env,
  folder: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

/** Runs the program. Returns its exit code: 0, 1 for a failure while running, 2 for bad usage or configuration. */
export async function main(
  argv: readonly string[],
  surroundings: Surroundings = theProcess,
): Promise<number> {
  try {
    await run(await parseCommandLine(argv, packageVersion(), surroundings), surroundings);
    return 0;
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

async function run(wanted: Wanted, { environment, folder, out }: Surroundings): Promise<void> {
  if (wanted.command === "demo") {
    // Nobody but the demo needs registries in this process.
    const { demo } = await import("./commands/demo.ts");
    await demo(wanted, out);
    return;
  }
  const { flags, configFile } = wanted;
  await serve(
    (reading, before) => loadConfig({ flags, configFile, environment, folder, reading }, before?.file),
    createLog,
  );
}

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return version;
}
