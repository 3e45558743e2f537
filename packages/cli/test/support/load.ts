import type { BeforeRead } from "../../src/lifecycle/watch.ts";
import { loadConfig, type ServeConfig } from "../../src/load-config.ts";
import { parseCommandLine } from "../../src/program.ts";

/** What one start of the program has around it. */
export interface Start {
  readonly argv?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder: string;
  /** Told of every file before it is read. */
  readonly beforeRead?: BeforeRead;
}

/** Reads the configuration as the program does. */
export async function load({
  argv = [],
  environment = {},
  folder,
  beforeRead = async () => undefined,
}: Start): Promise<ServeConfig> {
  const silent = { out: () => {}, err: () => {} };
  const parsed = await parseCommandLine(argv, "0.0.0", silent);
  if (parsed.command !== "serve") {
    throw new Error(`expected serve, the command line asks for ${parsed.command}`);
  }
  const { flags, configFile } = parsed;
  return loadConfig({ flags, configFile, environment, folder, beforeRead });
}
