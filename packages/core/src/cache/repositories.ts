import { LRUCache } from "lru-cache";
import { Singleflight } from "../concurrency/singleflight.ts";

// Milliseconds.
const presentTtl = 30_000;
const absentTtl = 5_000;
const mostCached = 20_000;

/** Which repositories hosted has. */
export class RepositoryCache<T> {
  readonly #exists: LRUCache<string, boolean>;
  readonly #inflight = new Singleflight<T>();

  /** @param clock monotonic milliseconds */
  constructor(clock: { now(): number } = performance) {
    this.#exists = new LRUCache({ max: mostCached, perf: clock, ttlResolution: 0 });
  }

  has(repository: string): boolean | undefined {
    return this.#exists.get(repository);
  }

  learn(repository: string, has: boolean): void {
    this.#inflight.invalidate(repository);
    this.#exists.set(repository, has, { ttl: has ? presentTtl : absentTtl });
  }

  forget(repository: string): void {
    this.#inflight.invalidate(repository);
    this.#exists.delete(repository);
  }

  /**
   * Coalesces requests to hosted about one repository. A request runs to its end, even if all clients leave. Its result is not
   * cached if a push or a delete has come meanwhile.
   * @param read undefined if the response does not tell whether the repository exists
   */
  query(repository: string, send: () => Promise<T>, read: (response: T) => boolean | undefined): Promise<T> {
    const never = new AbortController().signal;
    return this.#inflight.run(repository, "", never, async (_, hasChanged) => {
      const response = await send();
      const has = read(response);
      if (has !== undefined && !hasChanged()) {
        this.learn(repository, has);
      }
      return response;
    });
  }
}
