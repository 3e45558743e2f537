import { ClientAborted } from "../errors.ts";

/** So many at a time; the others wait in order. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Does work when there is a place for it.
   * @throws ClientGone if `signal` is aborted before; else what the work ends with
   */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#free += 1;
      } else {
        next();
      }
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return Promise.reject(new ClientAborted());
    }
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", cancel);
        resolve();
      };
      const cancel = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(new ClientAborted());
      };
      this.#waiting.push(enter);
      signal.addEventListener("abort", cancel, { once: true });
    });
  }
}

/** So many at a time; those beyond are told so at once, rather than to wait. */
export class Bounded {
  readonly #most: number;
  #underWay = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Does work if there is a place for it, else does nothing. */
  async do<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#underWay >= this.#most) {
      return undefined;
    }
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }
}

/**
 * Does work for each item, so many at a time. After the first that fails no other is begun, and those under way are told by
 * their signal to end.
 * @throws what the first one failed with, when all have ended
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
