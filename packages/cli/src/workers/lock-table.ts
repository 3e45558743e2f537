interface Waiter<Owner> {
  readonly owner: Owner;
  acquired(): void;
}

interface Lock<Owner> {
  /** The first one holds the lock. */
  readonly queue: Waiter<Owner>[];
  timer: NodeJS.Timeout | undefined;
}

/** What happens with a lock that is held for long. */
export interface LockTimeout<Owner> {
  /** Milliseconds. */
  readonly longest: number;
  /** Called each time `longest` has passed while others wait for the lock. */
  exceeded(owner: Owner): void;
}

/** Locks by key over all workers, given in the order of the requests. */
export class LockTable<Owner> {
  readonly #locks = new Map<string, Lock<Owner>>();
  readonly #timeout: LockTimeout<Owner>;

  constructor(timeout: LockTimeout<Owner>) {
    this.#timeout = timeout;
  }

  /** Resolves when `owner` holds the lock. An owner may ask for a key only once at a time. */
  acquire(key: string, owner: Owner): Promise<void> {
    return new Promise((acquired) => {
      const lock = this.#locks.get(key) ?? { queue: [], timer: undefined };
      this.#locks.set(key, lock);
      lock.queue.push({ owner, acquired });
      if (lock.queue.length === 1) {
        this.#grant(lock);
      }
    });
  }

  /** Gives up the lock, or the place in its queue. */
  release(key: string, owner: Owner): void {
    const lock = this.#locks.get(key);
    const index = lock?.queue.findIndex((one) => one.owner === owner) ?? -1;
    if (lock === undefined || index === -1) {
      return;
    }
    lock.queue.splice(index, 1);
    if (index === 0) {
      clearInterval(lock.timer);
      this.#grant(lock);
    }
    if (lock.queue.length === 0) {
      this.#locks.delete(key);
    }
  }

  /** Releases everything that a worker held or waited for when it ended. */
  releaseAll(owner: Owner): void {
    for (const key of [...this.#locks.keys()]) {
      this.release(key, owner);
    }
  }

  #grant(lock: Lock<Owner>): void {
    const [first] = lock.queue;
    if (first === undefined) {
      return;
    }
    lock.timer = setInterval(() => {
      if (lock.queue.length > 1) {
        this.#timeout.exceeded(first.owner);
      }
    }, this.#timeout.longest).unref();
    first.acquired();
  }
}
