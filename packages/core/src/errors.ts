import type { FailureKind, FailureReport } from "./routing/outcome.ts";

/** An upstream could not be reached, or not be understood. */
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

/** Content could not be copied. Also thrown by what streams to an upstream, and then it is not that upstream's failure. */
export class CopyFailure extends Error {
  override readonly name = "CopyFailure";
  /** Whether it is nowhere to be had, and nobody has failed. */
  readonly isAbsent: boolean;

  constructor(message: string, { isAbsent = false, ...options }: ErrorOptions & { isAbsent?: boolean } = {}) {
    super(message, options);
    this.isAbsent = isAbsent;
  }
}

/** The client went away: nobody is left to be answered. */
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
  const [kind, cause] = phrases.get(code) ?? describeOther(code);
  return new UpstreamFailure(kind, cause, { cause: error });
}

/** `error.code`, or an empty string. Not by `instanceof`: in a test runner's realm Node's errors are of another `Error`. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null) {
    return "";
  }
  // Several addresses of one host name, each with its own error (AggregateError).
  if ("errors" in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return errorCode(error.errors[0]);
  }
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function describeOther(code: string): readonly [FailureKind, string] {
  if (code.startsWith("HPE_")) {
    return ["broken", `not HTTP (${code})`];
  }
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO|EPROTO/.test(code)) {
    return ["unreachable", `TLS failed (${code})`];
  }
  return ["broken", code === "" ? "request failed" : `request failed (${code})`];
}
