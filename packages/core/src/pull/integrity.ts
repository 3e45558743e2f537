import { firstValue } from "../protocol/headers.ts";
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
 * body itself tells its end, or has no digest: half a list is no JSON.
 */
export function integrityCheckFor(
  { method, resource }: RegistryRequest,
  answer: UpstreamResponse,
): IntegrityCheck | undefined {
  const expected = digestOf(resource) ?? firstValue(answer.headers, "docker-content-digest");
  const isContent = resource.kind === "blob" || resource.kind === "manifest";
  if (method !== "GET" || !isContent || saysItsEnd(answer) || expected === undefined) {
    return undefined;
  }
  if (answer.status === 206) {
    return lengthProof(answer);
  }
  return answer.status === 200 ? digestProof(expected) : undefined;
}

function digestOf(resource: RegistryRequest["resource"]): string | undefined {
  if (resource.kind === "blob") {
    return resource.digest;
  }
  return resource.kind === "manifest" && resource.byDigest ? resource.reference : undefined;
}

function saysItsEnd({ headers }: UpstreamResponse): boolean {
  const coding = firstValue(headers, "transfer-encoding") ?? "";
  return firstValue(headers, "content-length") !== undefined || /\bchunked\s*$/i.test(coding);
}

/** A body whose digest cannot be computed here, or that is encoded, counts as cut. */
function digestProof(expected: string): IntegrityCheck {
  const [algorithm = "", encoded] = expected.split(":");
  const hash = hashOf(algorithm);
  return {
    add: (piece) => void hash?.update(piece),
    holds: () => hash?.digest("hex") === encoded,
  };
}

function lengthProof({ headers }: UpstreamResponse): IntegrityCheck {
  const extent = contentRange(firstValue(headers, "content-range"));
  let length = 0;
  return {
    add(piece) {
      length += piece.length;
    },
    holds: () => extent !== undefined && length === extent.last - extent.first + 1,
  };
}
