import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { ClientAborted, UpstreamFailure } from "../errors.ts";
import { LargeBody } from "../upstream/transport/large-body.ts";

/** How a body is poured. */
export interface PipeOptions {
  /** Bytes at the beginning that are left out. */
  readonly passOver: number;
  /** Told of every piece, left out or not. */
  transferred(bytes: number): void;
  /** Told of every piece that is written. */
  written(piece: Buffer): void;
}

/**
 * Writes a body to a client, no faster than the client takes it, and leaves the answer open: something may follow. Not
 * `stream.pipeline`, which would leave its listeners behind on an answer that it does not end.
 * @throws ClientGone; whatever the body broke off with
 */
export function pipeBody(body: Readable, response: ServerResponse, options: PipeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const large = body instanceof LargeBody ? body : undefined;
    let toPassOver = options.passOver;
    const onData = (piece: Buffer) => {
      options.transferred(piece.length);
      if (response.writableEnded) {
        // Other code has ended the response. To write to it would be an error event, which ends the process.
        onLeave();
        return;
      }
      const rest = toPassOver === 0 ? piece : piece.subarray(toPassOver);
      toPassOver -= piece.length - rest.length;
      if (rest.length === 0) {
        large?.release(piece);
        return;
      }
      options.written(rest);
      const goesOn =
        large === undefined ? response.write(rest) : response.write(rest, () => large.release(piece));
      if (!goesOn) {
        body.pause();
      }
    };
    const onDrain = () => body.resume();
    const settle = (finish: () => void) => {
      body.off("data", onData);
      response.off("drain", onDrain);
      response.off("close", onLeave);
      finish();
    };
    const onLeave = () => {
      settle(() => reject(new ClientAborted()));
      body.destroy();
    };
    response.on("drain", onDrain);
    response.once("close", onLeave);
    body.once("end", () => settle(resolve));
    body.once("error", (error) => settle(() => reject(error)));
    body.once("close", () => settle(() => reject(new UpstreamFailure("broken", "connection closed"))));
    body.on("data", onData);
    if (response.destroyed) {
      onLeave();
    }
  });
}
