import { LRUCache } from "lru-cache";
import { Singleflight } from "../concurrency/singleflight.ts";

// How long repositories are remembered that hosted has, and that it has not. Milliseconds.
const presentFor = 30_000;
const absentFor = 5_000;
const mostRemembered = 20_000;

/** Which repositories hosted has, as it said a short while ago. */
export class RepositoryCache<Answer> {
  readonly #known: LRUCache<string, boolean>;
  readonly #asking = new Singleflight<Answer>();

  /** @param clock milliseconds that go on evenly */
  constructor(clock: { now(): number } = performance) {
    this.#known = new LRUCache({ max: mostRemembered, perf: clock, ttlResolution: 0 });
  }

  /** Whether hosted has a repository; undefined if it has to be asked. */
  has(repository: string): boolean | undefined {
    return this.#known.get(repository);
  }

  /** Hosted said so, or took a push. */
  learn(repository: string, has: boolean): void {
    this.#asking.invalidate(repository);
    this.#known.set(repository, has, { ttl: has ? presentFor : absentFor });
  }

  /** Something was deleted there. */
  forget(repository: string): void {
    this.#asking.invalidate(repository);
    this.#known.delete(repository);
  }

  /**
   * Asks hosted, or waits with those who are asking already. The question is seen through, whoever leaves meanwhile.
   * @param read what an answer says; undefined if it says nothing. An answer that a push or a delete has overtaken is not believed
   */
  ask(
    repository: string,
    ask: () => Promise<Answer>,
    read: (answer: Answer) => boolean | undefined,
  ): Promise<Answer> {
    const lasting = new AbortController().signal;
    return this.#asking.run(repository, "", lasting, async (_, hasChanged) => {
      const answer = await ask();
      const has = read(answer);
      if (has !== undefined && !hasChanged()) {
        this.learn(repository, has);
      }
      return answer;
    });
  }
}
