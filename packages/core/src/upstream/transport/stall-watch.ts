import type { Socket } from "node:net";

export interface StallWatchOptions {
  /** Milliseconds without progress before `stalled` is called. */
  readonly limit: number;
  /** Any number that changes with progress; undefined while no progress is expected. */
  measure(): number | undefined;
  stalled(): void;
}

const looksPerLimit = 4;

/**
 * Notices when one end of a stream makes no progress. It looks four times per limit, since a timer per piece would be expensive. So
 * the end may be idle for up to a quarter longer.
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
 * Bytes of the current write that are still to be sent. The stream learns of a write only at its end, and a slow client takes long for
 * a mebibyte. The field is not documented, but Node's own timeouts use it. Without it, progress is seen later.
 */
function toGo(socket: Socket): number {
  const handle = property(socket, "_handle");
  // With TLS, the encrypted bytes are in the handle below.
  const bytes = property(property(handle, "_parent") ?? handle, "writeQueueSize");
  return typeof bytes === "number" ? bytes : 0;
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}
