/**
 * Every error of the router itself: code, status and default message. The codes are those of distribution-spec 1.1
 * ("Error codes") and of distribution's `errcode`, then the router's own.
 */
export const errorTable = {
  BLOB_UNKNOWN: { status: 404, message: "blob unknown to registry" },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: "blob upload unknown to registry" },
  DENIED: { status: 403, message: "requested access to the resource is denied" },
  DIGEST_INVALID: { status: 400, message: "provided digest is not well formed" },
  MANIFEST_UNKNOWN: { status: 404, message: "manifest unknown" },
  NAME_INVALID: { status: 400, message: "invalid repository name" },
  NAME_UNKNOWN: { status: 404, message: "repository name not known to registry" },
  PAGINATION_NUMBER_INVALID: { status: 400, message: "invalid number of results requested" },
  SIZE_INVALID: { status: 413, message: "the content is too large" },
  TAG_INVALID: { status: 400, message: "tag is not well formed" },
  TOOMANYREQUESTS: { status: 429, message: "too many requests" },
  UNAUTHORIZED: { status: 401, message: "authentication required" },
  UNAVAILABLE: { status: 503, message: "service unavailable" },
  UNKNOWN: { status: 500, message: "unknown error" },
  UNSUPPORTED: { status: 405, message: "the operation is unsupported" },

  BAD_REQUEST: { status: 400, message: "the request is not well formed" },
  LOOP_DETECTED: { status: 508, message: "the request has come back to the router that sent it" },
  NOT_FOUND: { status: 404, message: "no such path in the distribution API" },
  UPSTREAM_FAILED: { status: 502, message: "an upstream registry failed" },
  UPSTREAM_TIMEOUT: { status: 504, message: "an upstream registry did not answer in time" },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorTable;

interface ErrorOptions {
  readonly message?: string;
  /** Goes to the client as JSON. Never holds credentials. */
  readonly detail?: unknown;
  /** A list becomes one header line per value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** For the log only. */
  readonly cause?: unknown;
  /** For `X-Combined-Registry` and the access log. @default the code */
  readonly reason?: string;
}

/** Thrown anywhere while a request is served; rendered by `http/respond.ts`. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly reason: string;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.message ?? errorTable[code].message, { cause: options.cause });
    this.code = code;
    this.status = errorTable[code].status;
    this.detail = options.detail ?? null;
    this.headers = options.headers ?? {};
    this.reason = options.reason ?? code;
  }

  /** The body of distribution-spec 1.1, "Error codes". */
  body(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message, detail: this.detail }] });
  }
}
