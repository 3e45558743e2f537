import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import { hashOf } from "../protocol/names.ts";
import { contentRange } from "../protocol/range.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";

export interface IntegrityCheck {
  add(piece: Buffer): void;
  holds(): boolean;
}

/**
 * Checks a body that has neither a length nor chunks: it ends with its connection (RFC 9112 6.3), complete or cut. Undefined if the
 * body states its end, or has no digest. A list needs no check: clients notice a cut one, because it is not valid JSON.
 */
export function integrityCheckFor(
  { method, resource }: RegistryRequest,
  { status, headers }: UpstreamResponse,
): IntegrityCheck | undefined {
  const isContent = resource.kind === "blob" || resource.kind === "manifest";
  if (method !== "GET" || !isContent || firstValue(headers, "content-length") !== undefined) {
    return undefined;
  }
  const named =
    resource.kind === "blob" ? resource.digest : resource.byDigest ? resource.reference : undefined;
  const expected = named ?? firstValue(headers, "docker-content-digest");
  const isChunked = /\bchunked\s*$/i.test(firstValue(headers, "transfer-encoding") ?? "");
  if (isChunked || expected === undefined) {
    return undefined;
  }
  if (status === 206) {
    return lengthCheck(headers);
  }
  return status === 200 ? digestCheck(expected) : undefined;
}

/** A body whose digest cannot be computed here, or that is encoded, counts as cut. */
function digestCheck(expected: string): IntegrityCheck {
  const [algorithm = "", encoded] = expected.split(":");
  const hash = hashOf(algorithm);
  return {
    add: (piece) => void hash?.update(piece),
    holds: () => hash?.digest("hex") === encoded,
  };
}

function lengthCheck(headers: RawHeaders): IntegrityCheck {
  const range = contentRange(firstValue(headers, "content-range"));
  let length = 0;
  return {
    add(piece) {
      length += piece.length;
    },
    holds: () => range !== undefined && length === range.last - range.first + 1,
  };
}
