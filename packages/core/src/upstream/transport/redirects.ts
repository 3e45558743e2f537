import { UpstreamFailure } from "../../errors.ts";
import { endToEnd, firstValue, type RawHeaders } from "../../protocol/headers.ts";
import { isFound } from "../../routing/classify.ts";
import type { HttpRequest, UpstreamResponse } from "./send.ts";

const redirectStatuses = [301, 302, 303, 307, 308];
const longestChain = 5;
const neverFollowed: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

export function isRedirect(answer: UpstreamResponse): boolean {
  return redirectStatuses.includes(answer.status) && firstValue(answer.headers, "location") !== undefined;
}

/**
 * Follows an upstream's redirects without credentials: object storage takes its own from the address, and refuses others.
 * @param from the address of the response
 * @throws UpstreamFailure after five redirects; if one leads to another scheme than http(s), or from https to http; or if the content
 *   is not there, because storage that refuses an expired address does not say that the content is unknown
 */
export async function followRedirects(
  ...chain: Parameters<typeof endOfRedirects>
): Promise<UpstreamResponse> {
  const end = await endOfRedirects(...chain);
  if (!isFound(end.status)) {
    end.body.destroy();
    throw new UpstreamFailure("broken", `redirected to storage that answered ${end.status}`);
  }
  return end;
}

/** The same, whatever the status there. */
export async function endOfRedirects(
  answer: UpstreamResponse,
  from: URL,
  request: HttpRequest,
  sendElsewhere: (url: URL, request: HttpRequest) => Promise<UpstreamResponse>,
): Promise<UpstreamResponse> {
  const headers: RawHeaders = endToEnd(request.headers, neverFollowed);
  let current = answer;
  let address = from;
  for (let hop = 0; isRedirect(current); hop++) {
    // Keeping the connection is not worth reading the redirect's own body.
    current.body.destroy();
    if (hop === longestChain) {
      throw new UpstreamFailure("broken", `more than ${longestChain} redirects`);
    }
    address = nextAddress(current, address);
    current = await sendElsewhere(address, { ...request, path: address.pathname + address.search, headers });
  }
  return current;
}

function nextAddress(answer: UpstreamResponse, from: URL): URL {
  const location = firstValue(answer.headers, "location") ?? "";
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (next === undefined || !["http:", "https:"].includes(next.protocol)) {
    throw new UpstreamFailure("broken", "redirect to an address that is not http(s)");
  }
  if (from.protocol === "https:" && next.protocol === "http:") {
    throw new UpstreamFailure("broken", "redirect from https to http");
  }
  return next;
}
