import { ClientGone } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { requireUnread } from "../http/request-body.ts";
import { RegistryError } from "../protocol/errors.ts";
import { longestManifest } from "../protocol/manifest-types.ts";
import { StallWatch } from "../upstream/transport/stall-watch.ts";

/**
 * Reads the manifest that a client pushes: it may have to be sent more than once.
 * @throws RegistryError SIZE_INVALID (413) beyond 4 MiB; ClientGone
 */
export async function readManifest(exchange: Exchange): Promise<Buffer> {
  const { request, clientIdle, moved } = exchange;
  requireUnread(request);
  checkSize(Number(request.headers["content-length"] ?? 0));
  const { socket } = request;
  const watch = new StallWatch({
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
    throw error instanceof RegistryError ? error : new ClientGone();
  } finally {
    watch.clear();
  }
  return Buffer.concat(pieces);
}

function checkSize(size: number): void {
  if (size > longestManifest) {
    throw new RegistryError("SIZE_INVALID", {
      message: `a manifest of more than 4 MiB (${longestManifest} bytes) is not taken; this one has ${size} bytes or more`,
    });
  }
}
