const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 416,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  UNAUTHORIZED: 401,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const;

/** A code of distribution's `errcode`. */
export type ErrorCode = keyof typeof statuses;

/** An answer that says no, in the shape of distribution-spec 1.1, "Error codes". */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, detail: unknown = null, headers: Readonly<Record<string, string>> = {}) {
    super(code.toLowerCase().replaceAll("_", " "));
    this.code = code;
    this.status = statuses[code];
    this.detail = detail;
    this.headers = headers;
  }

  toJSON(): object {
    return { errors: [{ code: this.code, message: this.message, detail: this.detail }] };
  }
}
