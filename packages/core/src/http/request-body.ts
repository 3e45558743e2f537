import type { IncomingMessage } from "node:http";
import { ClientAborted } from "../errors.ts";
import { RegistryError } from "../protocol/errors.ts";
import { longestManifest } from "../protocol/manifest.ts";
import { watchForStall } from "../upstream/transport/stall-watch.ts";
import type { Exchange } from "./exchange.ts";

const longestWait = 10_000;

/**
 * Before an answer ends that came before the end of a request's body: reads the rest away for a while. Node closes a
 * connection as soon as its last answer has ended; with a body still coming, that resets it, and the client loses the answer
 * that tells it why.
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

/** Whether a body is still coming. */
export function isUploading(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !request.destroyed;
}

/** Whether a request has a body: it says so if it has (RFC 9112 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Sees to it that a body, if there is one, is still to be had: hosted would get an empty one otherwise, or wait for it.
 * @throws RegistryError UNKNOWN if somebody has read from it, or has begun to
 */
export function requireUnread(request: IncomingMessage): void {
  if (hasBody(request) && hasReader(request)) {
    throw new RegistryError("UNKNOWN", {
      message:
        "the request's body was read before the router saw it: mount the router before any body parser, or keep the parser off /v2/",
    });
  }
}

/** Whoever reads without anybody having waited for it (a listener, a pipe, an iterator) may not have got a byte yet. */
function hasReader(request: IncomingMessage): boolean {
  return request.readableDidRead || request.readableFlowing === true || request.listenerCount("readable") > 0;
}

/**
 * Reads the manifest that a client pushes: it may have to be sent more than once.
 * @throws RegistryError SIZE_INVALID (413) beyond 4 MiB; ClientAborted
 */
export async function readManifest(exchange: Exchange): Promise<Buffer> {
  const { request, clientIdle, transferred: moved } = exchange;
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
    // What is too long is read away later, so that its sender gets to see the answer.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      pieces.push(piece);
      size += piece.length;
      moved.up += piece.length;
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
