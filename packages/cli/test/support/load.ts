import { loadConfig, type ServeConfig } from "../../src/load-config.ts";
import { parseCommandLine } from "../../src/program.ts";

/** What one start of the program has around it. */
export interface Start {
  readonly argv?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly folder: string;
}

/** Reads the configuration as the program does. */
export async function load({ argv = [], environment = {}, folder }: Start): Promise<ServeConfig> {
  const silent = { out: () => {}, err: () => {} };
  const wanted = await parseCommandLine(argv, "0.0.0", silent);
  if (wanted.command !== "serve") {
    throw new Error(`expected serve, the command line asks for ${wanted.command}`);
  }
  return loadConfig({ flags: wanted.flags, configFile: wanted.configFile, environment, folder });
}
