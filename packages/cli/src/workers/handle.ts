import cluster, { type Worker } from "node:cluster";
import type { MetricsSnapshot } from "@combined-registry/core";
import { IpcChannel, type RpcHandlers, type ToPrimary, type ToWorker } from "./rpc.ts";

// Milliseconds. A client waits for the metrics of all workers.
const metricsTimeout = 1_000;

/** How a process ended. */
export interface ExitInfo {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A worker process, seen from the primary. */
export class WorkerHandle {
  /** From 1 on. A replacement has the number of the worker that it replaces. */
  readonly number: number;
  readonly exited: Promise<ExitInfo>;
  /** Whether the worker receives messages. */
  ready = false;
  /** Whether the worker accepts connections, as far as the primary knows. */
  listens = false;
  readonly #worker: Worker;
  readonly #channel: IpcChannel<ToWorker, ToPrimary>;
  readonly #startedAt = performance.now();

  constructor(number: number, handlers: (worker: WorkerHandle) => Omit<RpcHandlers<ToPrimary>, "ready">) {
    this.number = number;
    this.#worker = cluster.fork();
    this.exited = exitOf(this.#worker);
    let resolve: () => void = () => undefined;
    const isReady = new Promise<void>((resolveReady) => {
      resolve = resolveReady;
    });
    const ready = () => {
      this.ready = true;
      resolve();
    };
    this.#channel = new IpcChannel<ToWorker, ToPrimary>(this.#worker, { ...handlers(this), ready }, isReady);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** Milliseconds since the process was started. */
  get age(): number {
    return performance.now() - this.#startedAt;
  }

  metrics(): Promise<MetricsSnapshot> {
    return this.call("metrics", undefined, metricsTimeout);
  }

  /**
   * Calls a method of the worker, as soon as the worker receives messages.
   * @param timeout milliseconds; without it, the call waits as long as the worker lives
   * @throws ChannelClosed, RpcTimeout, or what the method failed with
   */
  call<Name extends keyof ToWorker>(
    name: Name,
    params: ToWorker[Name]["params"],
    timeout?: number,
  ): Promise<ToWorker[Name]["result"]> {
    return this.#channel.call(name, params, timeout);
  }

  /** Ends the process with SIGKILL. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.#worker.process.kill("SIGKILL");
    await this.exited;
  }
}

function exitOf(worker: Worker): Promise<ExitInfo> {
  return new Promise((resolve) => {
    worker.once("exit", (code, signal) => resolve({ code, signal }));
    worker.on("error", () => {
      // The system could not start the process, and no "exit" follows. Other errors are about messages to a worker that has just died.
      if (worker.process.pid === undefined) {
        resolve({ code: null, signal: null });
      }
    });
  });
}
