import { messageOf } from "../failure.ts";
import type { Drain, Ended } from "../lifecycle/finish.ts";
import type { Log } from "../logging.ts";
import type { ConfigMessage } from "./config-message.ts";
import type { WorkerHandle } from "./handle.ts";
import { ChannelClosed, RpcTimeout } from "./rpc.ts";

/** How all workers ended. */
export interface AllEnded extends Ended {
  /** Workers that ended before they had finished. */
  readonly died: number;
}

/** What ending a worker needs of its handle. */
export type Killable = Pick<WorkerHandle, "number" | "pid" | "call" | "kill">;

/** What a reload needs of a worker's handle. */
export type Reloadable = Killable & Pick<WorkerHandle, "listens" | "exited">;

// Milliseconds. A worker answers these calls at once, so one that is late serves no clients either.
const reloadTimeout = 10_000;
const pingTimeout = 10_000;
const exitTimeout = 5_000;
const longestTimer = 2 ** 31 - 1;

const reloadProblem = "did not apply a reload";

/**
 * First step of a reload: all workers prepare the configuration, so that none uses one that another cannot use. Workers that do
 * not answer in time are killed. Waits for all answers even after a refusal: the next reload must not overlap with this one.
 * @throws what is wrong with the configuration
 */
export async function prepareAll(
  workers: readonly Reloadable[],
  message: ConfigMessage,
  log: Log,
): Promise<void> {
  const all = await Promise.allSettled(workers.map((worker) => prepare(worker, message, log)));
  const refusal = all.find((one) => one.status === "rejected");
  if (refusal !== undefined) {
    throw refusal.reason;
  }
}

/** Second step of a reload: every worker uses the prepared configuration, or is killed. */
export async function commitAll(workers: readonly Reloadable[], log: Log): Promise<void> {
  await Promise.all(workers.map((worker) => commit(worker, log)));
}

async function prepare(worker: Reloadable, message: ConfigMessage, log: Log): Promise<void> {
  try {
    await worker.call("prepare", message, reloadTimeout);
  } catch (error) {
    if (error instanceof RpcTimeout) {
      await killWorker(worker, reloadProblem, error, log);
    } else if (!(error instanceof ChannelClosed) && worker.listens) {
      throw error;
    }
  }
}

async function commit(worker: Reloadable, log: Log): Promise<void> {
  try {
    await worker.call("commit", undefined, reloadTimeout);
  } catch (error) {
    if (!(error instanceof ChannelClosed)) {
      await killWorker(worker, reloadProblem, error, log);
    }
    await worker.exited;
  }
}

/** Workers finish what is under way and exit. */
export async function finishAll(workers: readonly WorkerHandle[], drain: Drain): Promise<AllEnded> {
  const all = await Promise.all(workers.map((worker) => finishOne(worker, drain)));
  const ended = all.filter((one) => one !== undefined);
  return {
    cut: ended.reduce((sum, { cut }) => sum + cut, 0),
    closed: ended.every(({ closed }) => closed),
    died: all.length - ended.length,
  };
}

/** @returns undefined if the worker ended before it had finished */
async function finishOne(worker: WorkerHandle, drain: Drain): Promise<Ended | undefined> {
  if (!worker.listens) {
    // No client is connected to it.
    await worker.kill();
    return { cut: 0, closed: true };
  }
  const timeout = Math.min(longestTimer, drain.delay + drain.timeout + exitTimeout);
  try {
    const ended = await worker.call("finish", drain, timeout);
    await worker.call("exit", undefined, exitTimeout).catch(() => undefined);
    return ended;
  } catch {
    return undefined;
  } finally {
    await worker.kill();
  }
}

/** Kills a worker that does not answer a ping. A worker whose requests wait for registries answers it at once. */
export async function killIfUnresponsive(worker: Killable, problem: string, log: Log): Promise<void> {
  try {
    await worker.call("ping", undefined, pingTimeout);
  } catch (error) {
    if (error instanceof RpcTimeout) {
      await killWorker(worker, problem, error, log);
    }
  }
}

async function killWorker(worker: Killable, problem: string, error: unknown, log: Log): Promise<void> {
  const { number, pid } = worker;
  log.error({ worker: number, pid }, `worker ${problem} and is killed: ${messageOf(error)}`);
  await worker.kill();
}

const shortLife = 60_000;
const firstDelay = 500;
const longestDelay = 30_000;

/**
 * How long to wait before a dead worker is replaced. The first replacement comes at once. If it dies within a minute as well, the
 * delay doubles each time, so that workers which cannot run do not keep the machine busy.
 */
export class RestartBackoff {
  readonly #shortLives = new Map<number, number>();

  /**
   * @param number the worker's number
   * @param age milliseconds that the worker lived
   * @returns milliseconds
   */
  after(number: number, age: number): number {
    const times = age < shortLife ? (this.#shortLives.get(number) ?? 0) + 1 : 1;
    this.#shortLives.set(number, times);
    return times === 1 ? 0 : Math.min(longestDelay, firstDelay * 2 ** (times - 2));
  }
}
