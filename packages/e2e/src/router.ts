import { existsSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Daemon } from "./daemon.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

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
  readonly pid: number;
  /** The most memory that its process has held at one time, in bytes. */
  peakMemory(): Promise<number>;
  /** The memory that its process holds, in bytes. */
  memory(): Promise<number>;
  /** How many sockets its process has open. */
  openSockets(): Promise<number>;
  signal(signal: NodeJS.Signals): void;
  /** Waits for a line of its log, which may be there already. */
  logged(text: string): Promise<void>;
  /** Waits for a line of its log that is yet to come. */
  logs(text: string): Promise<void>;
  /** Its exit code, once it has ended. */
  ended(): Promise<number | null>;
}

/** The program that users run. */
export const program = fileURLToPath(new URL("../../cli/bin/combined-registry.js", import.meta.url));
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
      pid: daemon.pid,
      peakMemory: () => statusOf(daemon.pid, "VmHWM"),
      memory: () => statusOf(daemon.pid, "VmRSS"),
      openSockets: () => openSocketsOf(daemon.pid),
      signal: (signal) => void process.kill(daemon.pid, signal),
      logged: (text) => waitForLine(daemon, text, false),
      logs: (text) => waitForLine(daemon, text, true),
      ended: () => daemon.ended(),
      [Symbol.asyncDispose]: () => daemon.stop(),
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

/** The seconds that what is under way has at the end, as the program's help says. */
export async function drainTimeout(): Promise<number> {
  const help = await run(process.execPath, [program, "--help"], { PATH: searchPath });
  const seconds = /--drain-timeout <seconds>[^(]*\(default:\s+(\d+)\)/.exec(help)?.[1];
  if (seconds === undefined) {
    throw new Error(`the help does not tell the time to drain: ${help}`);
  }
  return Number(seconds);
}

async function waitForLine(daemon: Daemon, text: string, fresh: boolean): Promise<void> {
  await daemon.waitFor(`"${text}"`, (line) => (line.includes(text) ? true : undefined), fresh);
}

/** Its log is JSON, and says where it listens in one message. */
function portIn(line: string): string | undefined {
  return /"listening on https?:\/\/[^"]*:(\d+)"/.exec(line)?.[1];
}

async function statusOf(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (kibibytes === undefined) {
    throw new Error(`/proc/${pid}/status does not tell ${field}`);
  }
  return Number(kibibytes) * 1024;
}

async function openSocketsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => "")),
  );
  return links.filter((link) => link.startsWith("socket:")).length;
}
