import { ClientAborted } from "../errors.ts";

/** At most `limit` at a time; up to `queue` more wait in order. */
export class Semaphore {
  #free: number;
  readonly #queue: number;
  /** In the order of their arrival. */
  readonly #waiting = new Set<() => void>();

  constructor(limit: number, queue = Number.POSITIVE_INFINITY) {
    this.#free = limit;
    this.#queue = queue;
  }

  /** Whether no slot is free and the queue is full. */
  get isFull(): boolean {
    return this.#free === 0 && this.#waiting.size >= this.#queue;
  }

  /** Takes a slot if one is free. Each slot that is taken has to be released once. */
  tryAcquire(): boolean {
    if (this.#free === 0) {
      return false;
    }
    this.#free -= 1;
    return true;
  }

  /**
   * Takes a slot as soon as one is free, whether the queue is full or not.
   * @throws ClientAborted once `signal` is aborted; the place in the queue is free again at once
   */
  acquire(signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return Promise.reject(new ClientAborted());
    }
    if (this.tryAcquire()) {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.delete(enter);
        reject(new ClientAborted());
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Gives a slot back, to the first that waits. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
    } else {
      this.#waiting.delete(next);
      next();
    }
  }

  /**
   * Runs work when there is a slot for it.
   * @throws ClientAborted if `signal` is aborted before; else what the work ends with
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.acquire(signal);
    return this.#releaseAfter(work);
  }

  /** Runs work if a slot is free. Undefined, without waiting, if none is. */
  async tryRun<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.tryAcquire() ? this.#releaseAfter(work) : undefined;
  }

  async #releaseAfter<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.release();
    }
  }
}

/**
 * Does work for each item, at most `atOnce` at a time. After the first failure no other work begins, and the signal of the work in
 * progress is aborted.
 * @throws the first failure, when all work has ended
 */
export async function mapConcurrently<T>(
  items: readonly T[],
  { atOnce, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) {
      try {
        await work(item, either);
      } catch (error) {
        failures.push(error);
        failed.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) {
    throw failures[0];
  }
}
