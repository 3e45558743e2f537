import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { type Folder, folderWith } from "./folder.ts";
import { type LogLine, type Program, startProgram } from "./program.ts";
import { startUpstream, type Upstream } from "./upstream.ts";
import { within } from "./within.ts";

/** The built program with two workers, between two registries of which a test needs little. */
export interface TwoWorkers extends AsyncDisposable {
  readonly program: Program;
  readonly folder: Folder;
  readonly url: string;
  readonly hosted: Upstream;
  readonly proxy: Upstream;
  /** Connections of one worker's, which stay with it. */
  connectionTo(worker: number): Promise<Connection>;
  /** The process that has been the worker last. */
  pidOf(worker: number): Promise<number>;
  /** Writes the configuration anew. */
  configure(changes: object): Promise<void>;
}

/** One connection that is kept. */
export interface Connection extends Disposable {
  /** Begins a request; the answer's body is still to be read. */
  begin(path: string, options?: Sending): Promise<IncomingMessage>;
  /** The whole answer. */
  get(path: string, options?: Sending): Promise<Answer>;
}

export interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

export interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long the answer may take. @default 10_000 milliseconds */
  readonly longest?: number;
}

export interface TwoWorkersOptions {
  readonly config?: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  readonly proxy?: Upstream;
}

export const configFile = "combined-registry.json";

export async function startTwoWorkers(options: TwoWorkersOptions = {}): Promise<TwoWorkers> {
  const hosted = await startUpstream();
  const proxy = options.proxy ?? (await startUpstream());
  const base = {
    host: "127.0.0.1",
    port: 0,
    workers: 2,
    hosted: hosted.url,
    proxy: proxy.url,
    reload: "signal",
    ...options.config,
  };
  const folder = await folderWith({ ...options.files, [configFile]: JSON.stringify(base) });
  const program = startProgram(options.argv ?? [], { folder: folder.path });
  const dispose = async () => {
    await program[Symbol.asyncDispose]();
    await Promise.all([hosted, proxy, folder].map((one) => one[Symbol.asyncDispose]()));
  };
  try {
    const url = await program.url();
    return {
      program,
      folder,
      url,
      hosted,
      proxy,
      connectionTo: (worker) => connectionTo(program, url, worker),
      pidOf: async (worker) => Number((await latest(program, worker)).pid),
      configure: (changes) => writeFile(folder.file(configFile), JSON.stringify({ ...base, ...changes })),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A connection of its own, to whichever worker takes it. */
export function connect(url: string): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const begin = async (path: string, { method = "GET", headers = {}, body, longest }: Sending = {}) => {
    const sent = request(`${url}${path}`, { agent, method, headers });
    sent.end(body);
    const [response]: IncomingMessage[] = await within(
      once(sent, "response"),
      `an answer to ${path}`,
      longest,
    );
    if (response === undefined) {
      throw new Error("no response");
    }
    return response;
  };
  return {
    begin,
    async get(path, sending) {
      const response = await begin(path, sending);
      const body = await within(text(response), `the rest of ${path}`);
      return { status: response.statusCode, body, headers: response.headers };
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

let marks = 0;

/** Connects until the worker that is wanted has taken one; the log tells which has. */
async function connectionTo(program: Program, url: string, worker: number): Promise<Connection> {
  for (let tries = 0; tries < 300; tries++) {
    const connection = connect(url);
    marks += 1;
    const path = `/which-worker-${marks}`;
    await connection.get(path);
    const line = await program.loggedWith((one) => one.path === path, `${path} in the log`);
    if (line.worker === worker) {
      return connection;
    }
    connection[Symbol.dispose]();
  }
  throw new Error(`worker ${worker} takes no connection`);
}

async function latest(program: Program, worker: number): Promise<LogLine> {
  await program.loggedWith(isReady(worker), `worker ${worker}`);
  const last = program.soFar().filter(isReady(worker)).at(-1);
  if (last === undefined) {
    throw new Error(`no worker ${worker}`);
  }
  return last;
}

function isReady(worker: number): (line: LogLine) => boolean {
  return (line) => line.msg === "worker is ready" && line.worker === worker;
}

/** Resolves when none of the processes is there any more, even if nobody has asked for its exit code yet. */
export function gone(pids: readonly number[]): Promise<void> {
  return within(
    (async () => {
      while ((await Promise.all(pids.map(runs))).includes(true)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })(),
    `the processes ${pids.join(", ")} to end`,
  );
}

export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

/** Stops the worker that comes in the place of one that is killed, before it has said a word. */
export function stopSuccessorOf(workers: TwoWorkers, worker: number): Promise<number> {
  const stop = async () => {
    const old = await childrenOf(workers.program.pid);
    process.kill(await workers.pidOf(worker), "SIGKILL");
    for (;;) {
      const young = (await childrenOf(workers.program.pid)).filter((pid) => !old.includes(pid));
      for (const pid of young) {
        // Not while it is the primary's copy still: that one waits for it.
        if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes("workers/worker.js")) {
          process.kill(pid, "SIGSTOP");
          return pid;
        }
      }
    }
  };
  return within(stop(), `the successor of worker ${worker}`);
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean).map(Number);
}

/** A proxy that sends the first half of every blob and waits with the rest until it is told to go on. */
export async function startHalfway(): Promise<Upstream & { goOn(): void; readonly waiting: number }> {
  const waiting: (() => void)[] = [];
  const upstream = await startUpstream((_, response) => {
    response.setHeader("Content-Length", 8);
    response.write("half");
    waiting.push(() => response.end("done"));
  });
  return {
    ...upstream,
    get waiting() {
      return waiting.length;
    },
    goOn() {
      for (const finish of waiting.splice(0)) {
        finish();
      }
    },
  };
}
