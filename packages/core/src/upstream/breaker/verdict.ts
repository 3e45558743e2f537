import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { isRead, type UpstreamRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";

/** What the outcome of a request says about the upstream that was asked. */
export type HealthSignal = "answered" | "failed" | "late" | "nothing";

/** How long an upstream may take before it is late for a client that left, or for a trial. Milliseconds. */
export const noticeableWait = 5_000;

// A gateway that says that what stands behind it is not there. Any other answer, a 500 too, is one: caches of
// distribution answer every digest of a private image that way when their public registry refuses its name.
const nobodyBehind = [502, 503, 504];
const gatewayTimeout = 504;

/** What an answer says about the upstream. */
export function signalOfResponse(
  { status }: Pick<UpstreamResponse, "status">,
  { list }: Pick<UpstreamRequest, "list">,
): HealthSignal {
  if (status === gatewayTimeout && list === true) {
    return "nothing";
  }
  return nobodyBehind.includes(status) ? "failed" : "answered";
}

/**
 * What it says about the upstream that there was no answer.
 * @param waited milliseconds that the request had taken by then
 * @param patience milliseconds that a request which is never answered takes
 */
export function signalOfError(
  error: unknown,
  { method, list }: Pick<UpstreamRequest, "method" | "list">,
  { waited, timeout }: { waited: number; timeout: number },
): HealthSignal {
  // What a list takes depends on its length: a catalog of ten thousand repositories may well be late.
  const mayBeLate = list !== true;
  if (error instanceof ClientAborted) {
    // Clients with less patience than the router must not keep it from noticing. An upload takes what it takes.
    const noticed = isRead(method) && waited >= Math.min(timeout, noticeableWait);
    return noticed && mayBeLate ? "late" : "nothing";
  }
  if (!(error instanceof UpstreamFailure)) {
    return "nothing";
  }
  if (error.report.kind === "refused" || error.report.kind === "rate-limited") {
    // One that refuses the router, or asks for patience, is there.
    return "answered";
  }
  if (error.report.kind !== "timeout") {
    return "failed";
  }
  return mayBeLate ? "late" : "nothing";
}
