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

/** The codes of an OCI error response (distribution-spec 1.1, "Error codes"); empty for any other body. */
export function errorCodes(body: string): string[] {
  return readErrors(body).flatMap(({ code }) => (typeof code === "string" ? [code] : []));
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
