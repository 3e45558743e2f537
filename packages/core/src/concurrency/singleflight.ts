import { ClientAborted } from "../errors.ts";

/** Work in progress, and how many wait for it. */
interface Running<T> {
  readonly outcome: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
  isOver: boolean;
}

/**
 * Does work that several callers want at the same time once. Work belongs to a repository: after a change of the repository no caller
 * joins what began before it, since its result may be out of date.
 */
export class Singleflight<T> {
  readonly #running = new Map<string, Map<string, Running<T>>>();

  /** Whether there is work under this key that can be joined. */
  has(repository: string, key: string): boolean {
    return this.#running.get(repository)?.has(key) === true;
  }

  /**
   * Waits for the work under this key, and begins it if none is in progress. The work goes on as long as any caller waits for it.
   * @param signal aborted when this caller no longer waits
   * @param begin does the work. Its signal is aborted when no caller waits any more; `hasChanged` tells whether the repository has
   *   changed since
   * @throws ClientAborted when `signal` is aborted; else what the work ends with
   */
  run(
    repository: string,
    key: string,
    signal: AbortSignal,
    begin: (signal: AbortSignal, hasChanged: () => boolean) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) {
      return Promise.reject(new ClientAborted());
    }
    const running = this.#running.get(repository)?.get(key) ?? this.#begin(repository, key, begin);
    running.waiting += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        running.waiting -= 1;
        if (running.waiting === 0 && !running.isOver) {
          // First, so that the next caller does not join what is being cancelled.
          this.#forget(repository, key, running);
          running.abandoned.abort();
        }
        reject(new ClientAborted());
      };
      signal.addEventListener("abort", leave, { once: true });
      running.outcome.then(
        (outcome) => {
          signal.removeEventListener("abort", leave);
          resolve(outcome);
        },
        (error: unknown) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      );
    });
  }

  /** No caller joins work that is in progress for this repository any more. */
  invalidate(repository: string): void {
    this.#running.delete(repository);
  }

  #begin(
    repository: string,
    key: string,
    begin: (signal: AbortSignal, hasChanged: () => boolean) => Promise<T>,
  ): Running<T> {
    const works = this.#running.get(repository) ?? new Map<string, Running<T>>();
    this.#running.set(repository, works);
    const abandoned = new AbortController();
    const running: Running<T> = {
      outcome: begin(abandoned.signal, () => this.#running.get(repository) !== works),
      abandoned,
      waiting: 0,
      isOver: false,
    };
    works.set(key, running);
    const end = () => {
      running.isOver = true;
      this.#forget(repository, key, running);
    };
    running.outcome.then(end, end);
    return running;
  }

  #forget(repository: string, key: string, running: Running<T>): void {
    const works = this.#running.get(repository);
    if (works?.get(key) === running) {
      works.delete(key);
      if (works.size === 0) {
        this.#running.delete(repository);
      }
    }
  }
}
