import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";

/** The lowest release of Node that the packages say they run on, and the newest of each line. */
const releases = ["20.19.0", "20", "22", "24", "26"] as const;

/** A release of Node, or this process's own. */
export interface NodeRelease {
  /** `this one`, `24`, `20.19.0` */
  readonly name: string;
  /** The program. Downloaded first, if need be. */
  install(): Promise<string>;
}

/** Where they are kept: each is a download of 50 MB. */
const shelf = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "combined-registry", "node");

/**
 * The releases to try a package on: this process's own, and with `REQUIRE_E2E=1` all that are promised. npm has them, so
 * that nothing has to be installed on the machine.
 */
export function nodeReleases(): NodeRelease[] {
  const own = { name: "this one", install: () => Promise.resolve(process.execPath) };
  const others = releases.map((name) => ({ name, install: () => install(name) }));
  if (process.env.REQUIRE_E2E === "1") {
    return [own, ...others];
  }
  process.stderr.write(`skipped: ${releases.join(", ")} of Node, which REQUIRE_E2E=1 downloads\n`);
  return [own];
}

async function install(release: string): Promise<string> {
  const folder = join(shelf, release);
  const program = join(folder, "node_modules", "node", "bin", "node");
  if (!existsSync(program)) {
    await mkdir(shelf, { recursive: true });
    const unfinished = await mkdtemp(`${folder}-`);
    // The package named `node` runs a script that installs the one with the program; this is that one.
    const dependencies = { node: `npm:node-${process.platform}-${process.arch}@${release}` };
    await writeFile(join(unfinished, "package.json"), JSON.stringify({ private: true, dependencies }));
    const options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"];
    await run("npm", ["install", ...options], process.env, unfinished);
    await rename(unfinished, folder);
  }
  return program;
}
