import { errorCodes } from "./error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "./headers.ts";
import { mayDiffer } from "./impersonal.ts";

// As long as the manifests of all but the strangest images. Each client that is slow to take an answer holds as much. Bytes.
const longestShared = 256 * 1024;
// Besides what clients who share an answer may say differently.
const personal: ReadonlySet<string> = new Set(["*", "cookie"]);
// Not there, not under this method, not in any type that is part of the wish; 401 is for credentials, which are the router's.
const aboutContent: ReadonlySet<number> = new Set([401, 404, 405, 406, 410]);
// Its credentials, its connection, its quota.
const aboutRouter: ReadonlySet<number> = new Set([401, 408, 429]);
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
    valuesOf(headers, "vary").some((value) => value.split(",").some(isPersonal))
  );
}

/**
 * Whether an answer that says no is about what was asked for. Others may be about how one client asked: a firewall does not like its
 * `User-Agent` (403), a server finds its headers too long (400, 431). What a registry refuses, it says in OCI's words.
 */
export function isAboutContent(status: number, body: Buffer): boolean {
  return aboutContent.has(status) || errorCodes(body.toString()).length > 0;
}

/** Whether a failure may be about how one client asked. */
export function mayBeOwnFailure(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !aboutRouter.has(status);
}

// RFC 9111 4.1.
function isPersonal(name: string): boolean {
  const lowerName = name.trim().toLowerCase();
  return personal.has(lowerName) || mayDiffer(lowerName);
}

function isEncoded(headers: RawHeaders): boolean {
  const coding = firstValue(headers, "content-encoding");
  return (
    firstValue(headers, "transfer-encoding") !== undefined ||
    (coding !== undefined && coding.toLowerCase() !== "identity")
  );
}
