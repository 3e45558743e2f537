/** Runs one reload at a time. Requests that come during a reload cause one more reload afterwards. */
export class Reloader {
  #reload: ((reason: string) => Promise<void>) | undefined;
  #running: Promise<void> | undefined;
  #next: string | undefined;

  /** Requests a reload; before `start`, it waits. @param reason for the log: "SIGHUP", say */
  request(reason: string): void {
    this.#next = reason;
    if (this.#reload !== undefined) {
      this.#running ??= this.#work(this.#reload).finally(() => {
        this.#running = undefined;
      });
    }
  }

  /** @param reload must not reject */
  start(reload: (reason: string) => Promise<void>): void {
    this.#reload = reload;
    if (this.#next !== undefined) {
      this.request(this.#next);
    }
  }

  async #work(reload: (reason: string) => Promise<void>): Promise<void> {
    while (this.#next !== undefined) {
      const reason = this.#next;
      this.#next = undefined;
      await reload(reason);
    }
  }
}
