export interface FairQueueOptions {
  readonly concurrent: number;
  /** Waiting tasks of all sources together. */
  readonly waiting: number;
  /** Waiting tasks of one source. */
  readonly waitingEach: number;
}

/** Runs a few tasks at a time. Sources take turns (round-robin), so that one with many tasks does not hold up the others. */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** In the order of their turns. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #running = 0;
  #size = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  /** @returns undefined if the queue is full */
  run<T>(source: string, task: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < this.#options.concurrent) {
      return this.#start(task);
    }
    const own = this.#waiting.get(source) ?? [];
    if (this.#size >= this.#options.waiting || own.length >= this.#options.waitingEach) {
      return undefined;
    }
    this.#size += 1;
    this.#waiting.set(source, own);
    return new Promise((resolve) => {
      own.push(() => resolve(this.#start(task)));
    });
  }

  async #start<T>(task: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await task();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      return;
    }
    const [source, [start, ...others]] = first;
    this.#waiting.delete(source);
    if (others.length > 0) {
      this.#waiting.set(source, others);
    }
    this.#size -= 1;
    start?.();
  }
}
