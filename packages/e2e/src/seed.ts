import type { OutgoingHttpHeaders } from "node:http";
import { type Reply, request } from "./http.ts";
import type { Content, Image } from "./images.ts";

/** Puts an image into a registry, by the plainest requests there are. */
export async function seed(
  origin: string,
  repository: string,
  tag: string,
  image: Image,
  headers: OutgoingHttpHeaders = {},
): Promise<void> {
  for (const child of image.children) {
    await seed(origin, repository, child.manifest.digest, child, headers);
  }
  for (const blob of image.blobs) {
    await seedBlob(origin, repository, blob, headers);
  }
  const put = await request(origin, "PUT", `/v2/${repository}/manifests/${tag}`, {
    headers: { ...headers, "Content-Type": image.mediaType },
    body: image.manifest.bytes,
  });
  expectStatus(put, 201, `the manifest of ${repository}:${tag}`);
}

/** Puts one blob into a registry. */
export async function seedBlob(
  origin: string,
  repository: string,
  { digest, bytes }: Content,
  headers: OutgoingHttpHeaders = {},
): Promise<void> {
  const session = await openSession(origin, repository, headers);
  const put = await request(origin, "PUT", withDigest(session, digest), { headers, body: bytes });
  expectStatus(put, 201, `the blob ${digest}`);
}

/** Opens an upload session. @returns its path and query */
export async function openSession(
  origin: string,
  repository: string,
  headers: OutgoingHttpHeaders = {},
): Promise<string> {
  const opened = await request(origin, "POST", `/v2/${repository}/blobs/uploads/`, { headers });
  expectStatus(opened, 202, `an upload session in ${repository}`);
  return locationOf(opened, origin);
}

/** Where an answer points to. @returns path and query @throws Error if that is somewhere else */
export function locationOf({ headers }: Reply, origin: string): string {
  const url = new URL(headers.location ?? "", origin);
  if (headers.location === undefined || url.origin !== origin) {
    throw new Error(`Location is ${headers.location}, not an address of ${origin}`);
  }
  return `${url.pathname}${url.search}`;
}

/** The last request of an upload names what was uploaded. */
export function withDigest(session: string, digest: string): string {
  return `${session}${session.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}

function expectStatus({ status, body }: Reply, expected: number, what: string): void {
  if (status !== expected) {
    throw new Error(`${what}: answered ${status} instead of ${expected}: ${body}`);
  }
}
