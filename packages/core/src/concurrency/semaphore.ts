import { ClientAborted } from "../errors.ts";

/** At most `limit` at a time; up to `queue` more wait, first come first served. */
export class Semaphore {
  #free: number;
  readonly #queue: number;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number, queue = Number.POSITIVE_INFINITY) {
    this.#free = limit;
    this.#queue = queue;
  }

  get isFull(): boolean {
    return this.#free === 0 && this.#waiting.size >= this.#queue;
  }

  /** Takes a slot if one is free. The caller has to release it once. */
  tryAcquire(): boolean {
    if (this.#free === 0) {
      return false;
    }
    this.#free -= 1;
    return true;
  }

  /**
   * Waits for a slot, even if the queue is full. The caller has to release it once.
   * @throws ClientAborted once `signal` is aborted; the place in the queue is then free at once
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

  /** Gives a slot back, or on to the first in the queue. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
    } else {
      this.#waiting.delete(next);
      next();
    }
  }

  /** @throws ClientAborted if `signal` is aborted before there is a slot; else the error of the work */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.acquire(signal);
    return this.#releaseAfter(work);
  }

  /** Undefined, without waiting, if no slot is free. */
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

export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs work after all earlier work under the same key has ended, even if that failed. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) {
        this.#last.delete(key);
      }
    }
  }
}

/**
 * Works on at most `atOnce` items at a time. After the first failure no other work begins, and the signal of running work is aborted.
 * @throws the first failure, after all work has ended
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
