import { ClientAborted } from "../errors.ts";

interface Running<T> {
  readonly outcome: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
}

/** Concurrent work under one key is done once. It is aborted when all its callers have left. */
export class Singleflight<T> {
  readonly #running = new Map<string, Running<T>>();

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /**
   * Joins the work under this key, or begins it.
   * @param signal aborted when this caller leaves
   * @param begin gets a signal that is aborted when all callers have left
   * @throws ClientAborted when `signal` is aborted; else the error of the work
   */
  run(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new ClientAborted());
        return;
      }
      const running = this.#running.get(key) ?? this.#begin(key, begin);
      running.waiting += 1;
      const leave = () => {
        reject(new ClientAborted());
        running.waiting -= 1;
        if (running.waiting === 0 && this.#running.get(key) === running) {
          // Forgotten before it ends: a new caller must not join work that is being aborted.
          this.#running.delete(key);
          running.abandoned.abort();
        }
      };
      signal.addEventListener("abort", leave, { once: true });
      running.outcome.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Running<T> {
    const abandoned = new AbortController();
    const running: Running<T> = { outcome: begin(abandoned.signal), abandoned, waiting: 0 };
    this.#running.set(key, running);
    const end = () => {
      if (this.#running.get(key) === running) {
        this.#running.delete(key);
      }
    };
    running.outcome.then(end, end);
    return running;
  }
}

/** Work about repositories. Once a repository has changed, new callers do not join work that began before the change. */
export class SingleflightByRepository<T> {
  readonly #byRepository = new Map<string, Singleflight<T>>();

  has(repository: string, key: string): boolean {
    return this.#byRepository.get(repository)?.has(key) === true;
  }

  /**
   * @param begin also gets a function that tells whether the repository has changed since
   * @throws as `Singleflight.run` does
   */
  run(
    repository: string,
    key: string,
    signal: AbortSignal,
    begin: (signal: AbortSignal, hasChanged: () => boolean) => Promise<T>,
  ): Promise<T> {
    const inflight = this.#byRepository.get(repository) ?? new Singleflight<T>();
    this.#byRepository.set(repository, inflight);
    const hasChanged = () => this.#byRepository.get(repository) !== inflight;
    return inflight
      .run(key, signal, (abandoned) => begin(abandoned, hasChanged))
      .finally(() => {
        if (inflight.isIdle && !hasChanged()) {
          this.#byRepository.delete(repository);
        }
      });
  }

  /** Running work goes on, but is not joined any more, and can tell. */
  invalidate(repository: string): void {
    this.#byRepository.delete(repository);
  }
}
