import cluster, { type Worker } from "node:cluster";
import {
  type CombinedRegistryConfig,
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
} from "@combined-registry/core";
import { routerConfig, useUsers } from "../commands/serve.ts";
import { createPasswords, type Finding, type Passwords } from "../htpasswd/passwords.ts";
import { type Ended, finish } from "../lifecycle/finish.ts";
import type { Prepared } from "../lifecycle/loaded-config.ts";
import { createWorkerLog, type Log } from "../logging.ts";
import { listen, type RunningServer } from "../server.ts";
import { surviveBugs } from "../signals.ts";
import { unpackParcel } from "./config-message.ts";
import { type Beginning, Line, type Parcel, type ToPrimary, type ToWorker } from "./rpc.ts";

/** What a worker has once it serves. */
interface Running {
  readonly handler: CombinedRegistryHandler;
  readonly passwords: Passwords;
  readonly server: RunningServer;
  readonly log: Log;
}

// Milliseconds. Those who ask for metrics wait ten seconds as a rule, and the workers are given one.
const longestForPage = 5_000;
const longestForChange = 2_000;

/** Serves as the primary says. It does what the primary tells and nothing else: signals that reach all processes are for the primary. */
export class WorkerProcess {
  readonly #line: Line<ToPrimary, ToWorker>;
  #running: Promise<Running> | undefined;
  #current: Prepared | undefined;
  #next: Prepared | undefined;
  #ended: Promise<Ended> | undefined;

  constructor(worker: Worker) {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => undefined);
    }
    this.#line = new Line<ToPrimary, ToWorker>(worker, {
      start: (beginning) => this.#start(beginning),
      prepare: (parcel) => this.#prepare(parcel),
      use: () => this.#use(),
      hear: async (finding) => (await this.#serving()).passwords.hear(finding),
      hearChange: async (change) => (await this.#serving()).handler.hear(change),
      alive: () => undefined,
      metrics: async () => (await this.#serving()).handler.metrics.getMetricsAsJSON(),
      finish: (drain) => this.#finish(drain),
      leave: () => process.exit(0),
    });
    this.#line.tell("hello", undefined);
    worker.on("disconnect", () => {
      // Else node:cluster ends the process on the spot, with everything that is under way.
      worker.exitedAfterDisconnect = true;
      void this.#orphaned();
    });
  }

  async #start(beginning: Beginning): Promise<string> {
    process.title = `combined-registry worker ${beginning.number}`;
    this.#running = this.#run(beginning);
    return (await this.#running).server.url;
  }

  async #run({ number, parcel, key }: Beginning): Promise<Running> {
    const prepared = await unpackParcel(parcel);
    const { config, tls } = prepared;
    const log = createWorkerLog(config.logLevel, number);
    const peers = { key, tell: (finding: Finding) => this.#line.tell("tell", finding) };
    // There are as many workers as processors, and each of them checks.
    const passwords = createPasswords(log, { concurrent: 1, peers });
    useUsers(passwords, prepared);
    const handler = createCombinedRegistryHandler(this.#routerConfig(prepared, passwords, log));
    const server = await listen(handler, { ...config, tls, log });
    surviveBugs(log);
    this.#current = prepared;
    return { handler, passwords, server, log };
  }

  #routerConfig(prepared: Prepared, passwords: Passwords, log: Log): CombinedRegistryConfig {
    const alone = routerConfig(prepared, passwords, log);
    return {
      ...alone,
      metrics: { ...alone.metrics, page: () => this.#line.ask("page", undefined, longestForPage) },
      peers: {
        oneAtATime: (key, work) => this.#inTurn(key, work),
        tell: async (change) => {
          await this.#line.ask("changed", change, longestForChange);
        },
      },
    };
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    // Without a primary there is nobody to ask, and what is under way has to be finished.
    await this.#line.ask("enter", key).catch(() => undefined);
    try {
      return await work();
    } finally {
      this.#line.tell("exit", key);
    }
  }

  async #serving(): Promise<Running> {
    if (this.#running === undefined) {
      throw new Error("not started");
    }
    return this.#running;
  }

  async #prepare(parcel: Parcel): Promise<void> {
    await this.#serving();
    this.#next = await unpackParcel(parcel);
  }

  async #use(): Promise<void> {
    const { handler, passwords, server, log } = await this.#serving();
    const next = this.#next;
    if (next === undefined) {
      throw new Error("nothing is prepared");
    }
    handler.reload(this.#routerConfig(next, passwords, log));
    useUsers(passwords, next);
    server.use({ ...next.config, tls: next.tls });
    log.level = next.config.logLevel;
    this.#current = next;
    this.#next = undefined;
  }

  async #finish(drain: { readonly delay: number; readonly timeout: number }): Promise<Ended> {
    const { handler, server } = await this.#serving();
    handler.drain();
    this.#ended ??= finish({ server, handler, drain });
    return this.#ended;
  }

  /** The primary has ended without a word. Whoever comes in its place needs the port, so nothing new is taken from now on. */
  async #orphaned(): Promise<void> {
    const { log } = await this.#serving();
    const timeout = this.#current?.config.drain.timeout ?? 0;
    log.error({ timeout }, "the primary process is gone: finishing what is under way");
    await this.#finish({ delay: 0, timeout });
    process.exit(1);
  }
}

if (cluster.worker !== undefined) {
  new WorkerProcess(cluster.worker);
}
