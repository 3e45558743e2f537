import type { OutgoingHttpHeaders } from "node:http";
import { fetchRaw } from "./client.ts";

/** What a browser says that it takes. */
export const browser = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" } as const;

/** The status page, as a browser asks for it. */
export async function fetchPage(
  { url }: { readonly url: string },
  { image, headers = {} }: { readonly image?: string; readonly headers?: OutgoingHttpHeaders } = {},
) {
  const target = image === undefined ? "/" : `/?image=${encodeURIComponent(image)}`;
  const answer = await fetchRaw(url, target, { headers: { ...browser, ...headers } });
  return { ...answer, text: answer.body.toString() };
}

/** What a part of a page says, without its markup. */
export function textOf(page: string, id: string): string {
  const [, part = ""] = page.split(`id="${id}"`);
  const [own = ""] = part.slice(part.indexOf(">") + 1).split("</section>");
  return own
    .replace(/<[^>]*>/g, " ")
    .replace(/&quot;/g, '"')
    .replace(/\s+/g, " ")
    .trim();
}
