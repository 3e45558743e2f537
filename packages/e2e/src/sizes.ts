import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A file somewhere below a folder. */
export interface FileBelow {
  /** From that folder. */
  readonly path: string;
  readonly bytes: number;
}

/** All files below a folder; links are not followed. */
export async function filesIn(folder: string): Promise<FileBelow[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (path) => ({ path: relative(folder, path), bytes: (await lstat(path)).size })),
  );
}

/** What npm has put into a folder. */
export interface Installed {
  /** How many packages. */
  readonly packages: number;
  /** Of all their files: what it takes on disk is a little more. */
  readonly megabytes: number;
}

/** Measures what npm has installed in a folder. */
export async function installedIn(folder: string): Promise<Installed> {
  const modules = join(folder, "node_modules");
  const lock: { packages: object } = JSON.parse(await readFile(join(modules, ".package-lock.json"), "utf8"));
  const files = await filesIn(modules);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { packages: Object.keys(lock.packages).length, megabytes: bytes / 1e6 };
}
