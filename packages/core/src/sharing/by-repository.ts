import { SharedWork } from "../concurrency/singleflight.ts";

/**
 * Shared work about repositories, that ends to be joined when its repository changes: whoever has been told of a change must not be
 * given what was found out before it.
 */
export class SharedByRepository<T> {
  readonly #works = new Map<string, SharedWork<T>>();

  /** Whether there is work under this key that can be joined. */
  has(repository: string, key: string): boolean {
    return this.#works.get(repository)?.has(key) === true;
  }

  /**
   * Waits for the work under this key, and begins it if it is not under way.
   * @param begin is told, besides, how to find out whether the repository has changed since
   * @throws ClientGone when `signal` is aborted; else what the work ends with
   */
  join(
    repository: string,
    key: string,
    signal: AbortSignal,
    begin: (signal: AbortSignal, hasChanged: () => boolean) => Promise<T>,
  ): Promise<T> {
    const works = this.#works.get(repository) ?? new SharedWork<T>();
    this.#works.set(repository, works);
    const hasChanged = () => this.#works.get(repository) !== works;
    return works
      .join(key, signal, (abandoned) => begin(abandoned, hasChanged))
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
