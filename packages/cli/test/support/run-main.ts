import { main } from "../../src/main.ts";

/** What a run of the program left behind. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a run has around it. */
export interface RunOptions {
  readonly folder?: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: () => NodeJS.ReadableStream;
}

/** Runs the program in this process: for starts that end by themselves. */
export async function runMain(
  argv: readonly string[],
  { folder = "/nonexistent", environment = {}, ...given }: RunOptions = {},
): Promise<Ran> {
  const written = { out: "", err: "" };
  const code = await main(argv, {
    ...given,
    environment,
    folder,
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
  });
  return { code, ...written };
}
