interface Place<Who> {
  readonly who: Who;
  begin(): void;
}

interface Queue<Who> {
  /** The first has the turn. */
  readonly places: Place<Who>[];
  watch: NodeJS.Timeout | undefined;
}

/** What is done about whoever has a turn for long. */
export interface Patience<Who> {
  /** Milliseconds. */
  readonly longest: number;
  /** It has had its turn for as long, once more, and others wait for it. */
  over(holder: Who): void;
}

/** Who may work under a key, one at a time and in the order in which they came, over all workers. */
export class WorkerTurns<Who> {
  readonly #queues = new Map<string, Queue<Who>>();
  readonly #patience: Patience<Who>;

  constructor(patience: Patience<Who>) {
    this.#patience = patience;
  }

  /** Resolves when it is the worker's turn. It comes once at a time for a key. */
  enter(key: string, who: Who): Promise<void> {
    return new Promise((begin) => {
      const queue = this.#queues.get(key) ?? { places: [], watch: undefined };
      this.#queues.set(key, queue);
      queue.places.push({ who, begin });
      if (queue.places.length === 1) {
        this.#begin(queue);
      }
    });
  }

  exit(key: string, who: Who): void {
    const queue = this.#queues.get(key);
    const index = queue?.places.findIndex((one) => one.who === who) ?? -1;
    if (queue === undefined || index === -1) {
      return;
    }
    queue.places.splice(index, 1);
    if (index === 0) {
      clearInterval(queue.watch);
      this.#begin(queue);
    }
    if (queue.places.length === 0) {
      this.#queues.delete(key);
    }
  }

  /** A worker has ended: its turns are over, and those that it waited for come to nothing. */
  leave(who: Who): void {
    for (const key of [...this.#queues.keys()]) {
      this.exit(key, who);
    }
  }

  #begin(queue: Queue<Who>): void {
    const [first] = queue.places;
    if (first === undefined) {
      return;
    }
    queue.watch = setInterval(() => {
      if (queue.places.length > 1) {
        this.#patience.over(first.who);
      }
    }, this.#patience.longest).unref();
    first.begin();
  }
}
