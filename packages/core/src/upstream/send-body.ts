import type { ClientRequest } from "node:http";
import { UpstreamFailure } from "./failure.ts";
import { StallWatch, taken } from "./stall-watch.ts";

/**
 * Ends a request with its body, if it has one.
 * @param idle milliseconds in which the upstream has to take some of it
 */
export function sendBody(request: ClientRequest, body: Buffer | undefined, idle: number): void {
  if (body === undefined) {
    request.end();
    return;
  }
  const watch = new StallWatch({
    limit: idle,
    // Its turn while there is something that it has not taken.
    measure: () => (request.writableLength > 0 ? taken(request.socket) : undefined),
    stalled: () => request.destroy(new UpstreamFailure("late", `took no byte of the body within ${idle} ms`)),
  });
  request.once("close", () => watch.clear());
  request.once("finish", () => watch.clear());
  request.end(body);
}
