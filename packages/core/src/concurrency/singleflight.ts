import { ClientAborted } from "../errors.ts";

interface Running<T> {
  readonly outcome: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
  isOver: boolean;
}

/**
 * Does concurrent work under one key once. The work belongs to a repository. After a change of the repository, no caller joins work
 * that began before, because its result may be out of date.
 */
export class Singleflight<T> {
  readonly #running = new Map<string, Map<string, Running<T>>>();

  has(repository: string, key: string): boolean {
    return this.#running.get(repository)?.has(key) === true;
  }

  /**
   * Joins the work under this key, or begins it.
   * @param signal aborted when this caller leaves
   * @param begin gets a signal that is aborted when all callers have left, and a function that tells whether the repository has changed
   * @throws ClientAborted when `signal` is aborted; else the error of the work
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
          // First, so that the next caller does not join work that is being aborted.
          this.#forget(repository, key, running);
          running.abandoned.abort();
        }
        reject(new ClientAborted());
      };
      signal.addEventListener("abort", leave, { once: true });
      running.outcome.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  /** Running work goes on, but is not joined any more. */
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
