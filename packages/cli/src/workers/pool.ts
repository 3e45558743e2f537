import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { breakdown, messageOf } from "../failure.ts";
import type { Drain } from "../lifecycle/finish.ts";
import type { LoadedConfig } from "../lifecycle/loaded-config.ts";
import type { Processes } from "../lifecycle/processes.ts";
import type { Log } from "../logging.ts";
import { type ConfigMessage, serializeConfig } from "./config-message.ts";
import { type ExitInfo, WorkerHandle } from "./handle.ts";
import {
  type AllEnded,
  commitAll,
  finishAll,
  killIfUnresponsive,
  prepareAll,
  RestartBackoff,
} from "./lifecycle.ts";
import { LockTable } from "./lock-table.ts";
import { MetricsAggregator } from "./metrics.ts";
import { ChannelClosed, RpcTimeout, type ToWorker } from "./rpc.ts";

interface Starting {
  resolve(url: string): void;
  reject(error: unknown): void;
}

// Milliseconds. A worker that is late serves no clients either.
const startTimeout = 120_000;
const publishTimeout = 1_000;
// Work under a lock may take as long as hosted's own timeouts allow. This is only when to ping the worker that holds it.
const lockTimeout = 15_000;
const mostDeathsBeforeListening = 5;

/**
 * Several processes that share the port. The primary reads and watches files, takes signals and supervises the workers; it serves no
 * clients itself.
 */
export function createWorkers(first: LoadedConfig, log: Log): Processes {
  const via = `combined-registry-${randomBytes(4).toString("hex")}`;
  const pool = new WorkerPool(first.config.workers, serializeConfig(first, via), log);
  // No worker outlives this process, unless this one is killed itself.
  process.on("exit", () => pool.kill());
  return {
    async start() {
      try {
        return await pool.start();
      } catch (error) {
        pool.kill();
        throw error;
      }
    },
    reload: (next) => pool.reload(serializeConfig(next, via)),
    finish: (drain) => pool.finish(drain),
  };
}

/** Starts workers, replaces those that die, reloads them and ends them. */
export class WorkerPool {
  readonly #count: number;
  readonly #log: Log;
  readonly #workers = new Set<WorkerHandle>();
  readonly #metrics = new MetricsAggregator<WorkerHandle>();
  readonly #locks: LockTable<WorkerHandle>;
  readonly #backoff = new RestartBackoff();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #key = randomBytes(32);
  #config: ConfigMessage;
  #starting: Starting | undefined;
  #url: string | undefined;
  #deathsBeforeListening = 0;
  #reloading: Promise<void> | undefined;
  #stopping = false;

  constructor(count: number, config: ConfigMessage, log: Log) {
    this.#count = count;
    this.#config = config;
    this.#log = log;
    const problem = "does not respond while others wait for its lock";
    this.#locks = new LockTable({
      longest: lockTimeout,
      exceeded: (worker) => void killIfUnresponsive(worker, problem, log),
    });
    // All workers accept from one queue of the kernel: an idle worker takes a connection, a stuck one does not, and what a dead one
    // has not accepted is there for the others. Node's default, where the primary accepts and hands over, shares more evenly, but
    // makes the primary the bottleneck (docker opens a connection for each request), and a connection on its way to a worker that
    // dies hangs for ever. `setupPrimary` fixes the policy, so this comes first.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL("./worker.js", import.meta.url)),
      args: [],
      serialization: "advanced",
    });
  }

  /**
   * Starts all workers. Resolves with the URL when all of them listen; workers that have died do not count, and are replaced later.
   * @throws Failure if the address cannot be had, or no worker lives long enough to listen
   */
  start(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      for (let number = 1; number <= this.#count; number++) {
        this.#startWorker(number);
      }
    });
  }

  /**
   * Reloads all workers. Once it resolves, no worker uses the configuration of before.
   * @throws what is wrong with the configuration; then all workers keep the one of before
   */
  reload(config: ConfigMessage): Promise<void> {
    this.#reloading = this.#reload(config).finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  /** All workers finish what is under way, and exit. */
  async finish(drain: Drain): Promise<AllEnded> {
    this.#stopping = true;
    this.#starting = undefined;
    for (const restart of this.#restarts) {
      clearTimeout(restart);
    }
    return await finishAll([...this.#workers], drain);
  }

  /** Kills all workers. */
  kill(): void {
    this.#stopping = true;
    for (const worker of this.#workers) {
      void worker.kill();
    }
  }

  #startWorker(number: number): void {
    if (this.#stopping) {
      return;
    }
    let worker: WorkerHandle;
    try {
      worker = this.#fork(number);
    } catch (error) {
      this.#forkFailed(number, error);
      return;
    }
    this.#workers.add(worker);
    void worker.exited.then((exit) => this.#exited(worker, exit));
    worker.call("start", { number, config: this.#config, key: this.#key }, startTimeout).then(
      (url) => this.#listening(worker, url),
      (error: unknown) => this.#startFailed(worker, error),
    );
  }

  #fork(number: number): WorkerHandle {
    return new WorkerHandle(number, (worker) => ({
      metricsPage: () => this.#metrics.page([...this.#workers].filter(({ listens }) => listens)),
      publishLogin: (event) => this.#callOthers(worker, "loginEvent", event),
      publishChange: (change) => this.#callOthers(worker, "invalidate", change),
      acquire: (key) => this.#locks.acquire(key, worker),
      release: (key) => this.#locks.release(key, worker),
    }));
  }

  /** The system may be short of memory, for instance. The other workers go on, and the start is tried again. */
  #forkFailed(number: number, error: unknown): void {
    const problem = messageOf(error);
    this.#log.error({ worker: number }, `worker could not be started: ${problem}`);
    if (!this.#isHopeless(problem)) {
      this.#restart(number, this.#backoff.after(number, 0));
    }
  }

  async #callOthers<Name extends "loginEvent" | "invalidate">(
    worker: WorkerHandle,
    name: Name,
    params: ToWorker[Name]["params"],
  ): Promise<void> {
    // Not only workers that listen: one may do so by now, although its answer has not arrived here yet.
    const others = [...this.#workers].filter((one) => one !== worker && one.ready);
    await Promise.allSettled(others.map((other) => other.call(name, params, publishTimeout)));
  }

  #listening(worker: WorkerHandle, url: string): void {
    worker.listens = true;
    this.#log.info({ worker: worker.number, pid: worker.pid }, "worker is ready");
    if (this.#url !== undefined && this.#url !== url) {
      // With port 0, the system chooses another port after all workers have died at once.
      this.#log.info({}, `listening on ${url}`);
    }
    this.#url = url;
    this.#checkStarted();
  }

  #checkStarted(): void {
    if (this.#url !== undefined && [...this.#workers].every(({ listens }) => listens)) {
      this.#starting?.resolve(this.#url);
    }
  }

  #startFailed(worker: WorkerHandle, error: unknown): void {
    if (error instanceof ChannelClosed || !this.#workers.has(worker)) {
      return; // The worker has died, and `#exited` replaces it.
    }
    if (this.#url === undefined && !(error instanceof RpcTimeout)) {
      this.#starting?.reject(error);
    } else {
      this.#log.error({ worker: worker.number }, `worker cannot start: ${messageOf(error)}`);
      void worker.kill();
    }
  }

  #exited(worker: WorkerHandle, exit: ExitInfo): void {
    this.#workers.delete(worker);
    this.#metrics.ended(worker, { died: !this.#stopping });
    this.#locks.releaseAll(worker);
    if (this.#stopping) {
      return;
    }
    const { number, pid } = worker;
    this.#log.error({ worker: number, pid, ...exit }, "a worker died and is replaced");
    if (this.#isHopeless(exit.signal ?? `code ${exit.code}`)) {
      return;
    }
    this.#checkStarted();
    this.#restart(number, this.#backoff.after(number, worker.age));
  }

  /** Whether so many workers have ended before any listened that the program gives up. */
  #isHopeless(reason: string): boolean {
    if (this.#url !== undefined) {
      return false;
    }
    this.#deathsBeforeListening += 1;
    if (this.#deathsBeforeListening < mostDeathsBeforeListening) {
      return false;
    }
    this.#starting?.reject(breakdown(`workers end before they listen (${reason})`));
    return true;
  }

  #restart(number: number, delay: number): void {
    const restart = setTimeout(async () => {
      this.#restarts.delete(restart);
      // A worker that starts in the middle of a reload would miss one of its two steps.
      await this.#reloading?.catch(() => undefined);
      this.#startWorker(number);
    }, delay);
    this.#restarts.add(restart);
  }

  async #reload(config: ConfigMessage): Promise<void> {
    const workers = [...this.#workers];
    await prepareAll(workers, config, this.#log);
    this.#config = config;
    await commitAll(workers, this.#log);
  }
}
