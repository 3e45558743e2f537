import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import { installPacked } from "./packed.ts";
import type { Resources } from "./resources.ts";
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

/** Copies an example to a folder of its own, and installs it there as a user would who found it in the documentation. */
export async function installExample(name: string, resources: Resources): Promise<string> {
  const source = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
  const folder = join(await resources.folder(), name);
  await cp(source, folder, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
  await installPacked(folder);
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
