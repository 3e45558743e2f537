import { isObject, parseObject } from "./json.ts";

const unknownCodes = ["MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"];
const unknownWords = ["MANIFEST UNKNOWN", "BLOB UNKNOWN", "REPOSITORY NAME NOT KNOWN"];

/**
 * Whether an error response of any status says that content is unknown. Caches of CNCF distribution answer an unknown manifest
 * digest with 500 UNKNOWN and put the real error into `detail`: as JSON (2.8) or as text (3.x).
 */
export function saysUnknown(body: string): boolean {
  return readErrors(body).some(({ code, detail }) => {
    if (typeof code === "string" && unknownCodes.includes(code)) {
      return true;
    }
    const text = (typeof detail === "string" ? detail : (JSON.stringify(detail) ?? "")).toUpperCase();
    return [...unknownCodes, ...unknownWords].some((words) => text.includes(words));
  });
}

const deniedInDetail =
  /"CODE":\s*"(?:DENIED|UNAUTHORIZED)"|\bDENIED: REQUESTED ACCESS|\bUNAUTHORIZED: AUTHENTICATION REQUIRED/;

/**
 * Whether an error response of any status says that access is denied. Caches of distribution answer 500 to an unknown digest if their
 * public registry denies the name, and put the denial into `detail`.
 */
export function saysDenied(body: string): boolean {
  return readErrors(body).some(({ code, detail }) => {
    const text = (typeof detail === "string" ? detail : (JSON.stringify(detail) ?? "")).toUpperCase();
    return code === "DENIED" || code === "UNAUTHORIZED" || deniedInDetail.test(text);
  });
}

/** Whether an error response of any status says that the rate is limited. */
export function saysTooManyRequests(body: string): boolean {
  return errorCodes(body).includes("TOOMANYREQUESTS");
}

// What registries say about every name that a client may not see: no reason of its own.
const usualWords: ReadonlySet<string> = new Set([
  "access denied",
  "access forbidden",
  "access to the requested resource is not authorized",
  "authentication required",
  "blob unknown",
  "blob unknown to registry",
  "denied",
  "forbidden",
  "manifest unknown",
  "not found",
  "permission denied",
  "repository name not known to registry",
  "requested access to the resource is denied",
  "the operation is unsupported",
  "too many requests",
  "unauthorized",
  "unknown error",
  "unknown manifest",
]);
// Characters, so that an answer has room for the words of several upstreams.
const longestWords = 500;

/** The reason that an OCI error gives in words of its own; undefined if it has none, or only the usual ones of its code. */
export function ownWords(body: string): string | undefined {
  for (const { code, message } of readErrors(body)) {
    const text = typeof message === "string" ? message.trim() : "";
    const bare = text.toLowerCase().replace(/\.$/, "");
    const isUsual = usualWords.has(bare) || bare === String(code).toLowerCase();
    if (text !== "" && !isUsual) {
      return text.length > longestWords ? `${text.slice(0, longestWords)}...` : text;
    }
  }
  return undefined;
}

/** The codes of an OCI error response (distribution-spec 1.1, "Error codes"); empty for any other body. */
export function errorCodes(body: string): string[] {
  return readErrors(body).flatMap(({ code }) => (typeof code === "string" ? [code] : []));
}

const longestPlainText = 500;

/** What an error says in words, with its code if it has one: an OCI error, a token endpoint's (RFC 6749 5.2), or a short plain text. */
export function errorWords(body: string): { readonly code: string | undefined; readonly words: string }[] {
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const errors = readErrors(body);
  if (errors.length > 0) {
    return errors.map(({ code, message, detail }) => ({
      code: typeof code === "string" ? code : undefined,
      words: [text(message), text(detail)].filter(Boolean).join(": "),
    }));
  }
  const parsed = parseObject(body);
  if (parsed !== undefined) {
    const { error, error_description: description, message, details } = parsed;
    const words = [error, description, message, details].map(text).filter(Boolean).join(": ");
    return [{ code: undefined, words }];
  }
  const isPlain = body.length <= longestPlainText && !/^\s*</.test(body);
  return isPlain && body !== "" ? [{ code: undefined, words: body }] : [];
}

// The codes for a manifest whose blob or child is missing: the first by the specification, distribution and olareg, the others
// by zot and Quay, where the manifest itself may be valid.
const missingPartCodes = [
  "MANIFEST_BLOB_UNKNOWN",
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "MANIFEST_INVALID",
];

// Codes and statuses of other reasons.
const otherCodes = [
  "DENIED",
  "DIGEST_INVALID",
  "NAME_INVALID",
  "SIZE_INVALID",
  "TAG_INVALID",
  "TOOMANYREQUESTS",
  "UNAUTHORIZED",
  "UNSUPPORTED",
];
const otherStatuses = [401, 403, 405, 408, 413, 414, 429, 431];

/**
 * Whether a registry may have refused a manifest because blobs or children of the manifest are missing there. Its code says so
 * whatever the status is. Some registries answer 500 UNKNOWN, or give no code.
 */
export function mayLackParts(status: number, body: string): "likely" | "unlikely" | "no" {
  const codes = errorCodes(body);
  if (status >= 400 && codes.some((code) => missingPartCodes.includes(code))) {
    return "likely";
  }
  const isOther = otherStatuses.includes(status) || codes.some((code) => otherCodes.includes(code));
  return status < 400 || isOther ? "no" : "unlikely";
}

export function withFurtherError(body: string, code: string, message: string): string {
  return JSON.stringify({ errors: [...readErrors(body), { code, message, detail: null }] });
}

function readErrors(body: string): Readonly<Record<string, unknown>>[] {
  const errors = parseObject(body)?.errors;
  return Array.isArray(errors) ? errors.filter(isObject) : [];
}
