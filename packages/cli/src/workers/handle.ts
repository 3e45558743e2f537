import cluster, { type Worker } from "node:cluster";
import type { MetricsSnapshot } from "@combined-registry/core";
import { type Answers, Line, type ToPrimary, type ToWorker } from "./rpc.ts";

// Milliseconds. Somebody waits for all of them together.
const longestForMetrics = 1_000;

/** How a process ended. */
export interface Death {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One worker, seen from the primary. */
export class Member {
  /** From 1 on, and the same for those that take each other's place. */
  readonly number: number;
  readonly ended: Promise<Death>;
  /** Whether it can be asked anything. */
  hears = false;
  /** Whether it takes connections. */
  listens = false;
  readonly #worker: Worker;
  readonly #line: Line<ToWorker, ToPrimary>;
  readonly #since = performance.now();

  constructor(number: number, answers: (member: Member) => Omit<Answers<ToPrimary>, "hello">) {
    this.number = number;
    this.#worker = cluster.fork();
    this.ended = endOf(this.#worker);
    let heard: () => void = () => undefined;
    const hears = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const hello = () => {
      this.hears = true;
      heard();
    };
    this.#line = new Line<ToWorker, ToPrimary>(this.#worker, { ...answers(this), hello }, hears);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** Milliseconds that it has been there. */
  get age(): number {
    return performance.now() - this.#since;
  }

  metrics(): Promise<MetricsSnapshot> {
    return this.ask("metrics", undefined, longestForMetrics);
  }

  /**
   * Asks it, as soon as it hears.
   * @param within milliseconds; without it, as long as it takes
   * @throws LineGone, LineLate, or what it failed with
   */
  ask<Name extends keyof ToWorker>(
    name: Name,
    question: ToWorker[Name]["question"],
    within?: number,
  ): Promise<ToWorker[Name]["answer"]> {
    return this.#line.ask(name, question, within);
  }

  /** Ends it on the spot. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.#worker.process.kill("SIGKILL");
    await this.ended;
  }
}

function endOf(worker: Worker): Promise<Death> {
  return new Promise((resolve) => {
    worker.once("exit", (code, signal) => resolve({ code, signal }));
    worker.on("error", () => {
      // It could not even be begun, for want of processes, say. Other errors are of what was sent to one that has just died.
      if (worker.process.pid === undefined) {
        resolve({ code: null, signal: null });
      }
    });
  });
}
