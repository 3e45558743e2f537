import { LRUCache } from "lru-cache";

// How long repositories are remembered that hosted has, and that it has not. Milliseconds.
const presentFor = 30_000;
const absentFor = 5_000;
const mostRemembered = 20_000;

/** Which repositories hosted has, as it said a short while ago. */
export class RepositoryCache<Answer> {
  readonly #known: LRUCache<string, boolean>;
  readonly #asking = new Map<string, Promise<Answer>>();

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
    this.#asking.delete(repository);
    this.#known.set(repository, has, { ttl: has ? presentFor : absentFor });
  }

  /** Something was deleted there. */
  forget(repository: string): void {
    this.#asking.delete(repository);
    this.#known.delete(repository);
  }

  /**
   * Asks, or waits with those who are asking already.
   * @param read what an answer says; undefined if it says nothing. Too late an answer, overtaken by a push, is not believed
   */
  ask(
    repository: string,
    ask: () => Promise<Answer>,
    read: (answer: Answer) => boolean | undefined,
  ): Promise<Answer> {
    const under = this.#asking.get(repository);
    if (under !== undefined) {
      return under;
    }
    const asking = ask().then(
      (answer) => {
        const has = read(answer);
        if (this.#settle(repository, asking) && has !== undefined) {
          this.learn(repository, has);
        }
        return answer;
      },
      (error: unknown) => {
        this.#settle(repository, asking);
        throw error;
      },
    );
    this.#asking.set(repository, asking);
    return asking;
  }

  /** Whether these are still the ones to be believed. */
  #settle(repository: string, asking: Promise<Answer>): boolean {
    return this.#asking.get(repository) === asking && this.#asking.delete(repository);
  }
}
