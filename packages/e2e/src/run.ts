import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** docker push alone retries for 50 seconds. */
const patience = 90_000;

/**
 * Runs a program to its end.
 * @param milliseconds how long it may take
 * @returns what it wrote to standard output
 * @throws Error with everything that it wrote, unless it exits with 0
 */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  milliseconds = patience,
): Promise<string> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: milliseconds });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0) {
    throw new Error(`${program} ${args.join(" ")}: ended with ${code ?? signal}\n${stdout}${stderr}`);
  }
  return stdout;
}
