import { firstValue, type RawHeaders, valuesOf } from "./headers.ts";

// As long as the manifests of all but the strangest images. Each client that is slow to take an answer holds as much. Bytes.
const longestShared = 256 * 1024;
// What may make an answer one for this client alone (RFC 9111 4.1).
const personal: ReadonlySet<string> = new Set(["*", "authorization", "cookie"]);
// Registries make these of the name that this client uses for the router.
const addresses = ["location", "content-location", "link"];

/**
 * The length of a body that may be read into memory and given to everybody who asks the same: a complete answer of a known length
 * that does not call itself private (RFC 9111 3). Undefined if it may not.
 */
export function shareableLength(method: string, status: number, headers: RawHeaders): number | undefined {
  if (status !== 200 || !isForAll(headers) || isEncoded(headers)) {
    return undefined;
  }
  if (method === "HEAD") {
    return 0;
  }
  const text = firstValue(headers, "content-length") ?? "";
  const length = /^\d{1,7}$/.test(text) ? Number(text) : undefined;
  return length === undefined || length > longestShared ? undefined : length;
}

/** Whether an answer, which may also be one that says no, is not for the one client alone who was first to ask. */
export function isForAll(headers: RawHeaders): boolean {
  return !(
    firstValue(headers, "set-cookie") !== undefined ||
    addresses.some((name) => firstValue(headers, name) !== undefined) ||
    valuesOf(headers, "cache-control").some((value) => /\b(no-store|private)\b/i.test(value)) ||
    valuesOf(headers, "vary").some((value) =>
      value.split(",").some((name) => personal.has(name.trim().toLowerCase())),
    )
  );
}

function isEncoded(headers: RawHeaders): boolean {
  const coding = firstValue(headers, "content-encoding");
  return (
    firstValue(headers, "transfer-encoding") !== undefined ||
    (coding !== undefined && coding.toLowerCase() !== "identity")
  );
}
