/** Does one reload at a time. What is asked for during one is done once more afterwards, however often it was asked for. */
export class Reloader {
  readonly #reload: (reason: string) => Promise<void>;
  #running: Promise<void> | undefined;
  #next: string | undefined;

  /** @param reload must not reject */
  constructor(reload: (reason: string) => Promise<void>) {
    this.#reload = reload;
  }

  /** @param reason for the log: "SIGHUP", say */
  request(reason: string): void {
    this.#next = reason;
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  async #work(): Promise<void> {
    while (this.#next !== undefined) {
      const reason = this.#next;
      this.#next = undefined;
      await this.#reload(reason);
    }
  }
}
