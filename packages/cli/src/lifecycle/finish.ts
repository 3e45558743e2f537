/** What has to end, and in what time (milliseconds). */
export interface Ending {
  readonly server: {
    stop(options: { readonly delay: number; readonly timeout: number }): Promise<number>;
  };
  readonly handler: { close(): Promise<void> };
  readonly drain: { readonly delay: number; readonly timeout: number };
}

/** How it ended. */
export interface Ended {
  /** Answers that were not finished in time. */
  readonly cut: number;
  /** Whether the router has said that it is done. */
  readonly closed: boolean;
}

// Of those whose connections were cut off at the last moment, the router still has to hear.
const leastForClosing = 1_000;

/**
 * Finishes what is under way. Once no connection is left the router has nothing to do any more; should it never say so, the
 * end does not wait for it longer than for the requests themselves.
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
