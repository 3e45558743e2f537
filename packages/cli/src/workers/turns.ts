/** Who may work under a key, one at a time and in the order in which they came, over all workers. */
export class WorkerTurns<Who> {
  readonly #queues = new Map<string, { readonly who: Who; readonly begin: () => void }[]>();

  /** Resolves when it is the worker's turn. It comes once at a time for a key. */
  enter(key: string, who: Who): Promise<void> {
    return new Promise((begin) => {
      const queue = this.#queues.get(key) ?? [];
      this.#queues.set(key, queue);
      queue.push({ who, begin });
      if (queue.length === 1) {
        begin();
      }
    });
  }

  exit(key: string, who: Who): void {
    const queue = this.#queues.get(key) ?? [];
    const place = queue.findIndex((one) => one.who === who);
    if (place === -1) {
      return;
    }
    queue.splice(place, 1);
    if (place === 0) {
      queue[0]?.begin();
    }
    if (queue.length === 0) {
      this.#queues.delete(key);
    }
  }

  /** A worker has ended: its turns are over, and those that it waited for come to nothing. */
  leave(who: Who): void {
    for (const key of [...this.#queues.keys()]) {
      this.exit(key, who);
    }
  }
}
