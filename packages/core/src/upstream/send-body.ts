import type { ClientRequest } from "node:http";
import { pipeline, Readable } from "node:stream";
import { UpstreamFailure } from "../errors.ts";
import { StallWatch, taken } from "./transport/stall-watch.ts";

/**
 * Ends a request with its body, if it has one, no faster than the upstream takes it. If either breaks, so does the other.
 * @param idle milliseconds in which the upstream has to take some of it
 */
export function sendBody(
  request: ClientRequest,
  body: string | Buffer | Readable | undefined,
  idle: number,
): void {
  if (body === undefined) {
    request.end();
    return;
  }
  const watch = new StallWatch({
    limit: idle,
    // Its turn while there is something that it has not taken.
    measure: () =>
      request.writableLength > 0 || request.writableNeedDrain ? taken(request.socket) : undefined,
    stalled: () =>
      request.destroy(new UpstreamFailure("timeout", `took no byte of the body within ${idle} ms`)),
  });
  request.once("close", () => watch.clear());
  request.once("finish", () => watch.clear());
  if (body instanceof Readable) {
    // Whoever asks is told of its error; pipeline by itself would only abort a request.
    body.once("error", (error) => request.destroy(error));
    pipeline(body, request, () => undefined);
  } else {
    request.end(body);
  }
}
