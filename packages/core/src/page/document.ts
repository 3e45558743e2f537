import { createHash } from "node:crypto";
import type { RawHeaders } from "../protocol/headers.ts";
import { Html, html } from "./html.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";
import { pageVaries } from "./wanted.ts";

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const policy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "connect-src 'self'",
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What the page is sent with: it may do what its own text does, and nothing else. */
export const documentHeaders: RawHeaders = [
  "Content-Type",
  "text/html; charset=utf-8",
  "Cache-Control",
  "no-store",
  "Content-Security-Policy",
  policy,
  ...Object.entries(pageVaries).flat(),
  "Cross-Origin-Opener-Policy",
  "same-origin",
  "Cross-Origin-Resource-Policy",
  "same-origin",
  "Referrer-Policy",
  "no-referrer",
  "X-Content-Type-Options",
  "nosniff",
  "X-Frame-Options",
  "DENY",
];

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%230969da' d='M1 3h14v4H1zm0 6h6v4H1zm8 0h6v4H9z'/%3E%3C/svg%3E";

/** A whole document around a body. */
export function renderDocument(body: Html): string {
  // Style and script stand as they are: neither is anybody else's text, and their hashes are of just that.
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Combined Registry</title>
<link rel="icon" href="${icon}">
<style>${new Html(style)}</style>
</head>
<body>
${body}
<script>${new Html(script)}</script>
</body>
</html>
`.markup;
}
