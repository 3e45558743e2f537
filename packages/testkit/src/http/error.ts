// Statuses and messages as CNCF distribution has them, since clients and tests know those.
const errors = {
  BLOB_UNKNOWN: [404, "blob unknown to registry"],
  BLOB_UPLOAD_INVALID: [416, "blob upload invalid"],
  BLOB_UPLOAD_UNKNOWN: [404, "blob upload unknown to registry"],
  DIGEST_INVALID: [400, "provided digest did not match uploaded content"],
  MANIFEST_BLOB_UNKNOWN: [400, "blob unknown to registry"],
  MANIFEST_INVALID: [400, "manifest invalid"],
  MANIFEST_UNKNOWN: [404, "manifest unknown"],
  NAME_INVALID: [400, "invalid repository name"],
  NAME_UNKNOWN: [404, "repository name not known to registry"],
  TOOMANYREQUESTS: [429, "too many requests"],
  UNAUTHORIZED: [401, "authentication required"],
  UNKNOWN: [500, "unknown error"],
  UNSUPPORTED: [405, "The operation is unsupported."],
} as const satisfies Readonly<Record<string, readonly [status: number, message: string]>>;

/** A code of distribution's `errcode`. */
export type ErrorCode = keyof typeof errors;

/** An answer that says no, in the shape of distribution-spec 1.1, "Error codes". */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: readonly unknown[];
  readonly headers: Readonly<Record<string, string>>;

  /** @param more details of further errors of the same code in the same answer: one for each missing blob */
  constructor(
    code: ErrorCode,
    detail: unknown = null,
    headers: Readonly<Record<string, string>> = {},
    more: readonly unknown[] = [],
  ) {
    const [status, message] = errors[code];
    super(message);
    this.code = code;
    this.status = status;
    this.details = [detail, ...more];
    this.headers = headers;
  }

  toJSON(): object {
    return { errors: this.details.map((detail) => ({ code: this.code, message: this.message, detail })) };
  }
}
