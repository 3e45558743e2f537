import type { IncomingMessage } from "node:http";

/** At `/` there is one thing for browsers and another one for programs, and a cache in front has to know. */
export const pageVaries = { Vary: "Accept" } as const;

/** Whether a request for `/` is a browser's. Programs that take anything, as curl does, are no browsers. */
export function wantsPage({ method, headers: { accept = "" } }: IncomingMessage): boolean {
  return (method === "GET" || method === "HEAD") && accept.split(",").some(isForHtml);
}

function isForHtml(range: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  return type === "text/html" && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
}
