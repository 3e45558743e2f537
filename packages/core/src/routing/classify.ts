import { saysUnknown } from "../protocol/error-body.ts";
import type { Member } from "./member.ts";

/**
 * What one upstream's answer to a lookup means.
 * - `found`: it goes to the client and the lookup ends;
 * - `not_found`: not there;
 * - `failed`: cannot be told;
 * - `final`: hosted's own word about the request itself, which goes to the client as it is.
 */
export type AnswerClass = "found" | "not_found" | "failed" | "final";

const redirects = [301, 302, 303, 307, 308];

// Docker Hub answers 401 for a name that it does not know, others 403 or 400, and 405 where they have no such route.
// 406, 410 and 451 say as well that it is not to be had there.
const absentAtProxy = [400, 401, 403, 404, 405, 406, 410, 451];

/** Whether a status alone says that the content is there, so that the body need not be looked at. */
export function isFound(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304 || status === 416 || redirects.includes(status);
}

/**
 * Sorts an answer to a lookup.
 * @param body the error's text, empty where there is none (HEAD)
 */
export function classify(member: Member, status: number, body: string): AnswerClass {
  if (isFound(status)) {
    return "found";
  }
  if (status >= 500) {
    return saysUnknown(body) ? "not_found" : "failed";
  }
  if (status === 408 || status === 429) {
    return "failed";
  }
  return member.kind === "proxy" ? classifyAtProxy(status) : classifyAtHosted(member, status);
}

function classifyAtProxy(status: number): AnswerClass {
  return absentAtProxy.includes(status) ? "not_found" : "failed";
}

function classifyAtHosted(member: Member, status: number): AnswerClass {
  if (status === 404) {
    return "not_found";
  }
  if (status === 401 || status === 403) {
    // Without passthrough it is the router that was refused: the client could do nothing about it.
    return member.passthrough ? "final" : "failed";
  }
  return status >= 400 ? "final" : "failed";
}
