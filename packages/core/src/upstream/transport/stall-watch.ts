import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { UpstreamFailure } from "../../errors.ts";

interface StallWatchOptions {
  /** Milliseconds without progress before `stalled` is called. */
  readonly limit: number;
  /** Anything that changes with progress; undefined while no progress is expected. */
  measure(): number | undefined;
  stalled(): void;
}

const looksPerLimit = 4;

/**
 * Notices that one end of a stream stopped. It looks a few times per limit, so that a stream of large pieces costs one timer and not
 * a timer per piece. `stalled` may be called up to a quarter of the limit late.
 * @returns to be ended with `clearInterval`
 */
export function watchForStall({ limit, measure, stalled }: StallWatchOptions): NodeJS.Timeout {
  let last = measure();
  let unchanged = 0;
  const timer = setInterval(
    () => {
      const now = measure();
      unchanged = now !== undefined && now === last ? unchanged + 1 : 0;
      last = now;
      if (unchanged >= looksPerLimit) {
        clearInterval(timer);
        stalled();
      }
    },
    Math.max(1, limit / looksPerLimit),
  );
  return timer;
}

/** Destroys a request if the upstream takes no byte of its body for so many milliseconds. @param what names the body in the error */
export function watchUpload(request: ClientRequest, limit: number, what: string): NodeJS.Timeout {
  return watchForStall({
    limit,
    measure: () => (hasUntaken(request) ? taken(request.socket) : undefined),
    stalled: () =>
      request.destroy(new UpstreamFailure("timeout", `read no byte of the ${what} within ${limit} ms`)),
  });
}

/** Whether the upstream has to take bytes. If not, it waits for more of the body. */
export function hasUntaken(request: ClientRequest): boolean {
  return request.writableLength > 0 || request.writableNeedDrain;
}

/** Changes with every byte that leaves this process over a socket. */
export function taken(socket: Socket | null): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength - pendingBytes(socket);
}

/**
 * Bytes of the current write that are not sent yet. The stream reports a write only when all of it is sent, and a slow client takes
 * minutes for a mebibyte. `writeQueueSize` is not documented, but Node's own timeouts use it. Without it, the watch would only
 * be less precise.
 */
function pendingBytes(socket: Socket): number {
  const handle = property(socket, "_handle");
  // Under TLS, the handle below sends the encrypted bytes.
  const bytes = property(property(handle, "_parent") ?? handle, "writeQueueSize");
  return typeof bytes === "number" ? bytes : 0;
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
}
