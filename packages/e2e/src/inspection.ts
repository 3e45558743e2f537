import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { allowed } from "@combined-registry/deadline";
import { searchPath } from "./search-path.ts";

/** What a command that looks at registries left behind. */
export interface Inspected<T> {
  readonly code: number;
  /** What it printed with `--json`. */
  readonly said: T;
}

const program = fileURLToPath(new URL("../../cli/bin/combined-registry.js", import.meta.url));
const patience = allowed(60_000);

/**
 * Runs `explain` or `check` of the built program.
 * @param upstreams URLs of the two registries
 * @throws Error with what it wrote, if it prints no JSON
 */
export function inspect<T>(
  command: readonly string[],
  { hosted, proxy }: { readonly hosted: string; readonly proxy: string },
  folder: string,
): Promise<Inspected<T>> {
  const argv = [program, ...command, "--json", "--host", "127.0.0.1", "--hosted", hosted, "--proxy", proxy];
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { PATH: searchPath }, timeout: patience };
    execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      if (stderr !== "" || stdout === "") {
        reject(new Error(`${command.join(" ")}: ${stderr || error?.message}`));
        return;
      }
      resolve({ code: typeof error?.code === "number" ? error.code : 0, said: JSON.parse(stdout) });
    });
  });
}
