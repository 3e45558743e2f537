import type { IncomingMessage } from "node:http";

// A file of its own: every request is checked here, but the rest of the page is loaded only for browsers.

/** `/` has one answer for browsers and another for programs, so a cache in front has to look at `Accept`. */
export const pageVaries = { Vary: "Accept" } as const;

/** Whether a request for `/` comes from a browser. Programs that accept anything, such as curl, are no browsers. */
export function wantsPage({ method, headers: { accept = "" } }: IncomingMessage): boolean {
  return (method === "GET" || method === "HEAD") && accept.split(",").some(acceptsHtml);
}

function acceptsHtml(range: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  return type === "text/html" && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
}
