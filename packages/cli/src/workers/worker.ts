import cluster, { type Worker } from "node:cluster";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import type { LoginEvent } from "../htpasswd/passwords.ts";
import type { Drain, Ended } from "../lifecycle/finish.ts";
import type { LoadedConfig } from "../lifecycle/loaded-config.ts";
import { ServingProcess } from "../lifecycle/processes.ts";
import { type Log, openLog } from "../logging.ts";
import { logUncaughtExceptions } from "../signals.ts";
import { type ConfigMessage, deserializeConfig } from "./config-message.ts";
import { IpcChannel, type StartMessage, type ToPrimary, type ToWorker } from "./rpc.ts";

interface Started {
  readonly process: ServingProcess;
  readonly log: Log;
  readonly url: string;
}

// Milliseconds. Prometheus waits ten seconds by default, and the primary gives each worker one.
const pageTimeout = 5_000;
const changeTimeout = 2_000;

/** Does what the primary says and nothing else: signals that reach all processes are for the primary. */
export class WorkerProcess {
  readonly #channel: IpcChannel<ToPrimary, ToWorker>;
  #started: Promise<Started> | undefined;
  #current: LoadedConfig | undefined;
  #next: LoadedConfig | undefined;

  constructor(worker: Worker) {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => undefined);
    }
    this.#channel = new IpcChannel<ToPrimary, ToWorker>(worker, {
      start: (message) => this.#start(message),
      prepare: (message) => this.#prepare(message),
      commit: () => this.#commit(),
      loginEvent: async (event) => (await this.#serving()).process.passwords.receive(event),
      invalidate: async (change) => (await this.#serving()).process.handler.invalidate(change),
      ping: () => undefined,
      metrics: async () => (await this.#serving()).process.handler.metrics.getMetricsAsJSON(),
      finish: (drain) => this.#finish(drain),
      exit: () => process.exit(0),
    });
    this.#channel.notify("ready", undefined);
    worker.on("disconnect", () => {
      // Otherwise node:cluster exits at once and cuts off what is under way.
      worker.exitedAfterDisconnect = true;
      void this.#orphaned();
    });
  }

  async #start(message: StartMessage): Promise<string> {
    process.title = `combined-registry worker ${message.number}`;
    this.#started = this.#serve(message);
    return (await this.#started).url;
  }

  async #serve({ number, config, key }: StartMessage): Promise<Started> {
    const loaded = await deserializeConfig(config);
    const log = await openLog(loaded.config, number);
    const peers = { key, publish: (event: LoginEvent) => this.#channel.notify("publishLogin", event) };
    const serving = new ServingProcess(loaded, log, {
      // There are as many workers as processors, and each of them checks passwords.
      passwords: { concurrent: 1, peers },
      extend: (router) => this.#extend(router),
    });
    const url = await serving.start();
    logUncaughtExceptions(log);
    this.#current = loaded;
    return { process: serving, log, url };
  }

  #extend(router: CombinedRegistryConfig): CombinedRegistryConfig {
    return {
      ...router,
      metrics: {
        ...router.metrics,
        page: () => this.#channel.call("metricsPage", undefined, pageTimeout),
      },
      peers: {
        withLock: (key, work) => this.#withLock(key, work),
        publish: async (change) => {
          await this.#channel.call("publishChange", change, changeTimeout);
        },
      },
    };
  }

  async #withLock<T>(key: string, work: () => Promise<T>): Promise<T> {
    // If the primary is gone there is no lock to be had, but what is under way still has to finish.
    await this.#channel.call("acquire", key).catch(() => undefined);
    try {
      return await work();
    } finally {
      this.#channel.notify("release", key);
    }
  }

  async #serving(): Promise<Started> {
    if (this.#started === undefined) {
      throw new Error("not started");
    }
    return this.#started;
  }

  async #prepare(message: ConfigMessage): Promise<void> {
    await this.#serving();
    this.#next = await deserializeConfig(message);
  }

  async #commit(): Promise<void> {
    const { process: serving, log } = await this.#serving();
    const next = this.#next;
    if (next === undefined) {
      throw new Error("nothing is prepared");
    }
    await serving.reload(next);
    log.level = next.config.logLevel;
    this.#current = next;
    this.#next = undefined;
  }

  async #finish(drain: Drain): Promise<Ended> {
    return (await this.#serving()).process.finish(drain);
  }

  /** The primary has died. The program that is started in its place needs the port, so this worker accepts nothing more. */
  async #orphaned(): Promise<void> {
    const { log } = await this.#serving();
    const timeout = this.#current?.config.drain.timeout ?? 0;
    log.error({ timeout }, "the primary process is gone: finishing requests in flight");
    await this.#finish({ delay: 0, timeout });
    process.exit(1);
  }
}

if (cluster.worker !== undefined) {
  new WorkerProcess(cluster.worker);
}
