import { UpstreamFailure } from "../../errors.ts";
import { firstValue } from "../../protocol/headers.ts";
import type { UpstreamResponse } from "./send.ts";

const redirectStatuses = [301, 302, 303, 307, 308];

export function isRedirect(answer: UpstreamResponse): boolean {
  return redirectStatuses.includes(answer.status) && firstValue(answer.headers, "location") !== undefined;
}

/**
 * Where a redirect leads.
 * @param from the address of the response
 * @param home gives the address that the router uses for one of the upstream's own names; undefined for any other
 * @throws UpstreamFailure if it leads to another scheme than http(s), or from https to http
 */
export function redirectTarget(
  answer: UpstreamResponse,
  from: URL,
  home: (named: URL) => URL | undefined,
): { readonly url: URL; readonly isOwn: boolean } {
  const location = firstValue(answer.headers, "location") ?? "";
  const named = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (named === undefined || !["http:", "https:"].includes(named.protocol)) {
    throw new UpstreamFailure("broken", "redirect to an address that is not http(s)");
  }
  named.hash = "";
  const own = home(named);
  // An upstream that leads to the same path again means what it says: another scheme, most often.
  const url = own === undefined || own.href === from.href ? named : own;
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw new UpstreamFailure("broken", "redirect from https to http");
  }
  return { url, isOwn: own !== undefined };
}
