import type { IncomingMessage } from "node:http";
import { ClientAborted } from "../errors.ts";
import { RegistryError } from "../protocol/errors.ts";
import { longestManifest } from "../protocol/manifest.ts";
import { watchForStall } from "../upstream/transport/stall-watch.ts";
import type { Exchange } from "./exchange.ts";

const longestWait = 10_000;

/**
 * Reads and discards the rest of a request's body, for at most ten seconds. To be called before a response ends that was sent
 * before the request's end: Node closes a connection after its last response, and with a body still arriving, the close is a
 * reset. The client would lose the response.
 */
export function discardUpload(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      request.socket.destroy();
      done();
    }, longestWait);
    request.once("end", done);
    request.once("close", done);
    request.unpipe();
    request.resume();
  });
}

/** Whether a part of the request's body has not arrived yet. */
export function isUploading(request: IncomingMessage): boolean {
  return !request.complete && !request.destroyed && hasBody(request);
}

/** Whether a request has a body, by its headers (RFC 9112 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Checks that no other code reads the request's body: hosted would get an empty body, or wait for it.
 * @throws RegistryError UNKNOWN if other code reads or has read it
 */
export function requireUnread(request: IncomingMessage): void {
  // A listener, a pipe or an iterator may not have received a byte yet.
  const hasReader =
    request.readableDidRead || request.readableFlowing === true || request.listenerCount("readable") > 0;
  if (hasReader && hasBody(request)) {
    throw new RegistryError("UNKNOWN", {
      message:
        "the request's body was read before the router saw it: mount the router before any body parser, or keep the parser off /v2/",
    });
  }
}

/**
 * Reads the manifest that a client pushes as a whole, since it may have to be sent more than once.
 * @throws RegistryError SIZE_INVALID (413) beyond 4 MiB; ClientAborted
 */
export async function readManifest(exchange: Exchange): Promise<Buffer> {
  const { request, clientIdle, transferred } = exchange;
  requireUnread(request);
  checkSize(Number(request.headers["content-length"] ?? 0));
  const { socket } = request;
  const watch = watchForStall({
    limit: clientIdle,
    measure: () => socket.bytesRead,
    stalled: () => socket.destroy(),
  });
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    // The iterator leaves a request that is too long open: `send` discards the rest, so that the client sees the response.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      pieces.push(piece);
      size += piece.length;
      transferred.up += piece.length;
      checkSize(size);
    }
  } catch (error) {
    throw error instanceof RegistryError ? error : new ClientAborted();
  } finally {
    clearInterval(watch);
  }
  return Buffer.concat(pieces);
}

function checkSize(size: number): void {
  if (size > longestManifest) {
    throw new RegistryError("SIZE_INVALID", {
      message: `a manifest of more than 4 MiB (${longestManifest} bytes) is not accepted; this one has ${size} bytes or more`,
    });
  }
}
