import { main } from "../../src/main.ts";

/** What a run of the program left behind. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program in this process: for starts that end by themselves. */
export async function runMain(
  argv: readonly string[],
  { folder = "/nonexistent", environment = {} }: { folder?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  const written = { out: "", err: "" };
  const code = await main(argv, {
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
