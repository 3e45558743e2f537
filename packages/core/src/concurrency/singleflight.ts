import { ClientAborted } from "../errors.ts";

/** Work under way, and how many wait for it. */
interface Running<T> {
  readonly outcome: Promise<T>;
  readonly abandoned: AbortController;
  waiting: number;
  over: boolean;
}

/** What several want at a time is done once. It goes on as long as one of them waits, whoever began it. */
export class Singleflight<T> {
  readonly #running = new Map<string, Running<T>>();

  /** Whether nothing is under way. */
  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Whether there is work under this key that can be joined. */
  has(key: string): boolean {
    return this.#running.has(key);
  }

  /**
   * Waits for the work under this key, and begins it if it is not under way.
   * @param signal aborted when this one waits no longer
   * @param begin does the work until its signal tells that nobody waits any more
   * @throws ClientAborted when `signal` is aborted; else what the work ends with
   */
  run(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new ClientAborted());
        return;
      }
      const running = this.#running.get(key) ?? this.#begin(key, begin);
      running.waiting += 1;
      let waits = true;
      const end = (give: () => void) => {
        if (waits) {
          waits = false;
          signal.removeEventListener("abort", leave);
          this.#leave(key, running);
          give();
        }
      };
      const leave = () => end(() => reject(new ClientAborted()));
      signal.addEventListener("abort", leave, { once: true });
      running.outcome.then(
        (outcome) => end(() => resolve(outcome)),
        (error: unknown) => end(() => reject(error)),
      );
    });
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Running<T> {
    const abandoned = new AbortController();
    const running: Running<T> = { outcome: begin(abandoned.signal), abandoned, waiting: 0, over: false };
    this.#running.set(key, running);
    const over = () => {
      running.over = true;
      this.#forget(key, running);
    };
    running.outcome.then(over, over);
    return running;
  }

  #leave(key: string, running: Running<T>): void {
    running.waiting -= 1;
    if (running.waiting === 0 && !running.over) {
      // Before it has ended: whoever comes now must not join what is being given up.
      this.#forget(key, running);
      running.abandoned.abort();
    }
  }

  #forget(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) {
      this.#running.delete(key);
    }
  }
}

/**
 * Shared work about repositories, that ends to be joined when its repository changes: whoever has been told of a change must not be
 * given what was found out before it.
 */
export class SingleflightByRepository<T> {
  readonly #works = new Map<string, Singleflight<T>>();

  /** Whether there is work under this key that can be joined. */
  has(repository: string, key: string): boolean {
    return this.#works.get(repository)?.has(key) === true;
  }

  /**
   * Waits for the work under this key, and begins it if it is not under way.
   * @param begin is told, besides, how to find out whether the repository has changed since
   * @throws ClientAborted when `signal` is aborted; else what the work ends with
   */
  run(
    repository: string,
    key: string,
    signal: AbortSignal,
    begin: (signal: AbortSignal, hasChanged: () => boolean) => Promise<T>,
  ): Promise<T> {
    const works = this.#works.get(repository) ?? new Singleflight<T>();
    this.#works.set(repository, works);
    const hasChanged = () => this.#works.get(repository) !== works;
    return works
      .run(key, signal, (abandoned) => begin(abandoned, hasChanged))
      .finally(() => {
        if (works.isIdle && !hasChanged()) {
          this.#works.delete(repository);
        }
      });
  }

  /** What is under way is not joined any more, and knows it. */
  changed(repository: string): void {
    this.#works.delete(repository);
  }
}
