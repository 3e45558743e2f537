import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where programs are looked for: daemons stand in sbin, which users' PATH often lacks. */
export const searchPath = [process.env.PATH ?? "", "/usr/sbin", "/sbin"].join(delimiter);

/** Whether a program of this name can be run. */
export function isInstalled(program: string): boolean {
  return searchPath.split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
