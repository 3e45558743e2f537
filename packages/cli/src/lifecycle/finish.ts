/** How much time there is to finish what is under way. Milliseconds. */
export interface Drain {
  /** How long connections are still accepted. */
  readonly delay: number;
  /** How long requests may take after that. */
  readonly timeout: number;
}

/** What has to end, and how much time it has. */
export interface Ending {
  readonly server: { stop(drain: Drain): Promise<number> };
  readonly handler: { close(): Promise<void> };
  readonly drain: Drain;
}

/** How it ended. */
export interface Ended {
  /** Responses that were cut off. */
  readonly cut: number;
  /** Whether the router has closed. */
  readonly closed: boolean;
  /** Workers that ended before they had finished. */
  readonly died?: number;
}

// The router learns a little later that its last connections were cut off.
const leastForClosing = 1_000;

/**
 * Finishes what is under way. Once no connection is left, the router has nothing more to do; a bug that keeps it from closing does
 * not hold up the end for longer than requests could.
 */
export async function finish({ server, handler, drain }: Ending): Promise<Ended> {
  const end = performance.now() + drain.delay + drain.timeout;
  const cut = await server.stop(drain);
  const closed = await inTime(handler.close(), Math.max(leastForClosing, end - performance.now()));
  return { cut, closed };
}

async function inTime(work: Promise<void>, limit: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limit);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
