import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** The built program. */
export const binary = fileURLToPath(new URL("../../bin/combined-registry.js", import.meta.url));

/** Builds the program and the packages that it needs; what is up to date stays as it is. */
export async function build(): Promise<void> {
  const tsc = fileURLToPath(new URL("../../../../node_modules/typescript/bin/tsc", import.meta.url));
  const building = promisify(execFile)(process.execPath, [tsc, "-b", "packages/cli"], { cwd: root });
  await building.catch(({ stdout }) => {
    throw new Error(`the program does not build:\n${stdout}`);
  });
}
