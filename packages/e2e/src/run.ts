import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { allowed } from "@combined-registry/deadline";

interface HowToRun {
  readonly folder?: string;
  readonly timeout?: number;
  readonly quiet?: boolean;
}

/** docker push alone retries for 50 seconds. */
const patience = 90_000;

/**
 * Runs a program to its end.
 * @param how.folder where. @default this process's working directory
 * @param how.timeout milliseconds that it may take, before `TEST_TIME_FACTOR`. @default 90 s
 * @param how.quiet whether it may write nothing to standard error. @default false
 * @returns what it wrote to standard output
 * @throws Error with everything that it wrote, unless it exits with 0, or if it should have been quiet
 */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { folder, timeout = patience, quiet = false }: HowToRun = {},
): Promise<string> {
  const child = spawn(program, args, {
    env,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: allowed(timeout),
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0 || (quiet && stderr !== "")) {
    throw new Error(`${program} ${args.join(" ")}: ended with ${code ?? signal}\n${stdout}${stderr}`);
  }
  return stdout;
}
