import type { FailureKind, FailureReport } from "./routing/classify.ts";

/** An upstream could not be reached, or its response could not be understood. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly report: FailureReport;

  constructor(
    kind: FailureKind,
    cause: string,
    { retryAfter, status, ...options }: ErrorOptions & Pick<FailureReport, "retryAfter" | "status"> = {},
  ) {
    super(cause, options);
    this.report = {
      kind,
      cause,
      ...(status !== undefined && { status }),
      ...(retryAfter !== undefined && { retryAfter }),
    };
  }
}

/** Content could not be copied. A request body that is streamed to an upstream may throw it too: not a failure of that upstream. */
export class CopyFailure extends Error {
  override readonly name = "CopyFailure";
  /** True if no upstream has the content, and none failed. */
  readonly isAbsent: boolean;
  /** True if it is more than the router copies for one push. */
  readonly isLimit: boolean;
  /** What hosted answered to the copy. */
  readonly status: number | undefined;

  constructor(
    message: string,
    {
      isAbsent = false,
      isLimit = false,
      status,
      ...options
    }: ErrorOptions & { isAbsent?: boolean; isLimit?: boolean; status?: number | undefined } = {},
  ) {
    super(message, options);
    this.isAbsent = isAbsent;
    this.isLimit = isLimit;
    this.status = status;
  }
}

export class ClientAborted extends Error {
  override readonly name = "ClientAborted";

  constructor() {
    super("the client has closed its connection");
  }
}

const phrases: ReadonlyMap<string, readonly [FailureKind, string]> = new Map([
  ["ECONNREFUSED", ["unreachable", "connection refused"]],
  ["EHOSTUNREACH", ["unreachable", "host unreachable"]],
  ["ENETUNREACH", ["unreachable", "network unreachable"]],
  ["ENOTFOUND", ["unreachable", "host name not found"]],
  ["EAI_AGAIN", ["unreachable", "host name lookup failed"]],
  ["ETIMEDOUT", ["timeout", "connection timed out"]],
  ["ECONNRESET", ["broken", "connection closed before an answer"]],
  ["EPIPE", ["broken", "connection closed before an answer"]],
  ["EMFILE", ["unreachable", "out of file descriptors"]],
  ["HPE_HEADER_OVERFLOW", ["broken", "response headers larger than 64 KiB"]],
]);

/** Names the cause of a socket's or parser's error without the addresses that Node puts into its message. */
export function upstreamFailure(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamFailure) {
    return error;
  }
  const code = errorCode(error);
  const [kind, cause] = phrases.get(code) ?? describeUnlisted(code);
  return new UpstreamFailure(kind, cause, { cause: error });
}

/** `error.code`, or an empty string. Without `instanceof`, because in a test runner's realm Node's errors have another `Error` class. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) {
    return "";
  }
  // AggregateError: a host name has several addresses, each with its own error.
  if ("errors" in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return errorCode(error.errors[0]);
  }
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function describeUnlisted(code: string): readonly [FailureKind, string] {
  if (code.startsWith("HPE_")) {
    return ["broken", `not HTTP (${code})`];
  }
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO|EPROTO/.test(code)) {
    return ["unreachable", `TLS failed (${code})`];
  }
  return ["broken", code === "" ? "request failed" : `request failed (${code})`];
}
