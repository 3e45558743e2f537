import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where programs are looked for: daemons stand in sbin, which users' PATH often lacks. */
export const searchPath = [process.env.PATH ?? "", "/usr/sbin", "/sbin"].join(delimiter);

/** Whether a program of this name can be run. */
export function isInstalled(program: string): boolean {
  return find(program) !== undefined;
}

/** Where a program is. @throws Error if it is not installed */
export function pathOf(program: string): string {
  const path = find(program);
  if (path === undefined) {
    throw new Error(`there is no ${program} in ${searchPath}`);
  }
  return path;
}

function find(program: string): string | undefined {
  return searchPath
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
