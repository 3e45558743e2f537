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
