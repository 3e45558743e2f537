import { cp, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import { startPackageRegistry } from "./package-registry.ts";
import { environmentWith } from "./packed.ts";
import type { Resources } from "./resources.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** The server of an example, running. */
export interface ExampleServer extends AsyncDisposable {
  /** `http://127.0.0.1:34567` */
  readonly origin: string;
  /** `127.0.0.1:34567`, the way image names begin. */
  readonly host: string;
  /** Waits for a line of what it prints, which may be there already. */
  printed(pattern: RegExp): Promise<string>;
  /** Asks it to end. @returns its exit code, null if a signal has ended it */
  terminate(): Promise<number | null>;
}

/**
 * Copies an example to a folder of its own, and does there what its README says, as a user would who found it in the documentation.
 * Our packages come from a registry of the test's own: npm's has not got what is being built.
 */
export async function installExample(name: string, resources: Resources): Promise<string> {
  const source = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
  const folder = join(await resources.folder(), name);
  await cp(source, folder, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
  const [, command] =
    /^```sh\n(npm install\b[^#\n]*)/m.exec(await readFile(join(folder, "README.md"), "utf8")) ?? [];
  if (command === undefined) {
    throw new Error(`examples/${name}/README.md does not begin with npm install`);
  }
  await using registry = await startPackageRegistry();
  await writeFile(join(folder, ".npmrc"), `@combined-registry:registry=${registry.url}\n`);
  const [program = "", ...args] = command.trim().split(/\s+/);
  // Quieter and faster, no more: what is to be installed, the README and package.json say alone.
  const options = ["--no-audit", "--no-fund", "--prefer-offline", "--no-package-lock", "--loglevel=error"];
  await run(program, [...args, ...options], environmentWith(process.execPath), { folder, timeout: 200_000 });
  return folder;
}

/** Runs an example's server on a free port. */
export async function startExample(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<ExampleServer> {
  const daemon = await Daemon.start({
    label: `the example ${basename(folder)}`,
    program: process.execPath,
    args: ["server.mjs"],
    env: { PATH: searchPath, ...environment, PORT: "0" },
    folder,
  });
  try {
    const port = await daemon.waitFor("its port", (line) => /^listening on port (\d+)$/.exec(line)?.[1]);
    const host = `127.0.0.1:${port}`;
    return {
      origin: `http://${host}`,
      host,
      printed: (pattern) =>
        daemon.waitFor(String(pattern), (line) => (pattern.test(line) ? line : undefined)),
      async terminate() {
        process.kill(daemon.pid, "SIGTERM");
        return await daemon.ended();
      },
      [Symbol.asyncDispose]: () => daemon.stop(),
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}
