import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import { searchPath } from "./programs.ts";

/** How to start the router. */
export interface RouterOptions {
  /** Command line options. */
  readonly args?: readonly string[];
  /** Environment variables, besides PATH: the router sees no others. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs, and so where it looks for a configuration file. */
  readonly folder: string;
}

/** A running router: the built program, as users run it. */
export interface Router extends AsyncDisposable {
  /** `http://127.0.0.1:34567` */
  readonly origin: string;
  /** `127.0.0.1:34567`, the way image names begin. */
  readonly host: string;
  /** The most memory that its process has held at one time, in bytes. */
  peakMemory(): Promise<number>;
}

const program = fileURLToPath(new URL("../../cli/bin/combined-registry.js", import.meta.url));
const compiled = fileURLToPath(new URL("../../cli/dist/main.js", import.meta.url));

/** Starts the router on a free port and waits until it listens. */
export async function startRouter({ args = [], env = {}, folder }: RouterOptions): Promise<Router> {
  if (!existsSync(compiled)) {
    throw new Error("the router is not built: run `npm test`, or `tsc -b` before jest");
  }
  const daemon = await Daemon.start({
    label: "the router",
    program: process.execPath,
    args: [program, ...args],
    env: { PATH: searchPath, PORT: "0", ...env },
    folder,
  });
  try {
    const port = await daemon.waitFor("its port", portIn);
    const host = `127.0.0.1:${port}`;
    return {
      origin: `http://${host}`,
      host,
      peakMemory: () => peakMemoryOf(daemon.pid),
      [Symbol.asyncDispose]: () => daemon.stop(),
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

/** Its log is JSON, and says where it listens in one message. */
function portIn(line: string): string | undefined {
  return /"listening on https?:\/\/[^"]*:(\d+)"/.exec(line)?.[1];
}

async function peakMemoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) {
    throw new Error(`/proc/${pid}/status does not tell the peak memory`);
  }
  return Number(kibibytes) * 1024;
}
