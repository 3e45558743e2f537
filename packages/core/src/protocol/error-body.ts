const unknownCodes = ["MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"];
const unknownWords = ["MANIFEST UNKNOWN", "BLOB UNKNOWN", "REPOSITORY NAME NOT KNOWN"];

/**
 * Whether an error answer says that content is unknown, whatever its status. Caches of CNCF distribution
 * answer an unknown manifest digest with 500 UNKNOWN and put the real error into `detail`: as JSON (2.8)
 * or as words (3.x).
 */
export function saysUnknown(body: string): boolean {
  return readErrors(body).some(({ code, detail }) => {
    if (typeof code === "string" && unknownCodes.includes(code)) {
      return true;
    }
    const said = (typeof detail === "string" ? detail : (JSON.stringify(detail) ?? "")).toUpperCase();
    return (
      unknownCodes.some((word) => said.includes(word)) || unknownWords.some((word) => said.includes(word))
    );
  });
}

/** The codes of an OCI error answer (distribution-spec 1.1, "Error codes"); none if it is not one. */
export function errorCodes(body: string): string[] {
  return readErrors(body).flatMap(({ code }) => (typeof code === "string" ? [code] : []));
}

// distribution says the first of a manifest that lacks a blob or a child, olareg and the specification too, zot and Quay the
// others, for which the manifest may be in order and its parts are what is missing.
const lackingCodes = [
  "MANIFEST_BLOB_UNKNOWN",
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "MANIFEST_INVALID",
];

/** Whether a registry that refuses a manifest may do so because it lacks what the manifest is made of. */
export function mayLackParts(status: number, body: string): boolean {
  return status >= 400 && status < 500 && errorCodes(body).some((code) => lackingCodes.includes(code));
}

/** An OCI error answer with one more error at its end; whatever else stands in it stays. */
export function withFurtherError(body: string, code: string, message: string): string {
  return JSON.stringify({ errors: [...readErrors(body), { code, message, detail: null }] });
}

interface SaidError {
  readonly code?: unknown;
  readonly detail?: unknown;
}

function readErrors(body: string): SaidError[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return [];
  }
  if (
    typeof parsed !== "object" ||
    parsed === null ||
    !("errors" in parsed) ||
    !Array.isArray(parsed.errors)
  ) {
    return [];
  }
  return parsed.errors.filter((error): error is SaidError => typeof error === "object" && error !== null);
}
