import type { Socket } from "node:net";

/** What is watched. */
export interface StallWatchOptions {
  /** Milliseconds without progress before `stalled` is called. */
  readonly limit: number;
  /** Anything that changes with progress; undefined while nothing is expected of the one who is watched. */
  measure(): number | undefined;
  stalled(): void;
}

const looksPerLimit = 4;

/**
 * Notices when one end of a stream stops. It looks a few times per limit rather than at every piece: a stream
 * of large reads then costs a timer, not a timer per read. An end may so be idle for up to a quarter longer.
 * @returns `clearInterval` of it ends the watch
 */
export function watchForStall({ limit, measure, stalled }: StallWatchOptions): NodeJS.Timeout {
  let last = measure();
  let stillFor = 0;
  const timer = setInterval(
    () => {
      const now = measure();
      stillFor = now !== undefined && now === last ? stillFor + 1 : 0;
      last = now;
      if (stillFor >= looksPerLimit) {
        clearInterval(timer);
        stalled();
      }
    },
    Math.max(1, limit / looksPerLimit),
  );
  return timer;
}

/** Changes with every byte that leaves this process over a socket. */
export function taken(socket: Socket | null): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength - toGo(socket);
}

/**
 * Bytes that a write under way still has to send. The stream hears of a write only when all of it has gone, and a mebibyte takes a
 * slow client its time. Not documented, but it is what Node's own timeouts go by; without it, less would be seen, and nothing wrong.
 */
function toGo(socket: Socket): number {
  const handle = property(socket, "_handle");
  // Under TLS, what has been encrypted goes on over the handle below.
  const bytes = property(property(handle, "_parent") ?? handle, "writeQueueSize");
  return typeof bytes === "number" ? bytes : 0;
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}
