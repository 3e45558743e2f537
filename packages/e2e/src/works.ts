import { randomBytes } from "node:crypto";
import type { Reply, RequestOptions } from "./http.ts";
import { acceptManifests, content, type Image } from "./images.ts";
import { locationOf, withDigest } from "./seed.ts";

/** An image that can be pulled. */
export interface Ware {
  readonly repository: string;
  readonly tag: string;
  readonly image: Image;
}

/** One client of a registry. */
export interface Client {
  readonly origin: string;
  ask(method: string, target: string, options?: RequestOptions): Promise<Reply>;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const emptyType = "application/vnd.oci.empty.v1+json";
const empty = content("{}");

/** Gets a manifest. @throws Error unless it is the one with that digest */
export async function pullManifest(
  { ask }: Client,
  repository: string,
  reference: string,
  digest: string,
): Promise<void> {
  const target = `/v2/${repository}/manifests/${reference}`;
  expectBytes(await ask("GET", target, { headers: { Accept: acceptManifests } }), digest, target);
}

/** Gets a blob. @throws Error unless it has that digest */
export async function pullBlob({ ask }: Client, repository: string, digest: string): Promise<void> {
  const target = `/v2/${repository}/blobs/${digest}`;
  expectBytes(await ask("GET", target), digest, target);
}

/** Pushes an image that is unlike any other, as docker does, and pulls it back. */
export async function pushAndPull(client: Client, repository: string): Promise<void> {
  const layer = content(randomBytes(10_000));
  await pushBlob(client, repository, layer.bytes);
  await pushBlob(client, repository, empty.bytes);
  const manifest = content(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: emptyType, digest: empty.digest, size: empty.bytes.length },
      layers: [{ mediaType: "application/octet-stream", digest: layer.digest, size: layer.bytes.length }],
    }),
  );
  const target = `/v2/${repository}/manifests/latest`;
  const headers = { "Content-Type": manifestType };
  expectStatus(await client.ask("PUT", target, { headers, body: manifest.bytes }), 201, `PUT ${target}`);
  await pullManifest(client, repository, "latest", manifest.digest);
  await pullBlob(client, repository, layer.digest);
}

/** Three requests, none of which can be sent twice. */
async function pushBlob({ ask, origin }: Client, repository: string, bytes: Buffer): Promise<void> {
  const target = `/v2/${repository}/blobs/uploads/`;
  const opened = await ask("POST", target);
  expectStatus(opened, 202, `POST ${target}`);
  const headers = { "Content-Type": "application/octet-stream" };
  const sent = await ask("PATCH", locationOf(opened, origin), { headers, body: bytes });
  expectStatus(sent, 202, `PATCH of an upload to ${repository}`);
  const ended = await ask("PUT", withDigest(locationOf(sent, origin), content(bytes).digest));
  expectStatus(ended, 201, `PUT of an upload to ${repository}`);
}

function expectBytes(reply: Reply, digest: string, target: string): void {
  expectStatus(reply, 200, `GET ${target}`);
  const given = content(reply.body).digest;
  if (given !== digest) {
    throw new Error(`GET ${target}: ${reply.body.length} bytes with digest ${given} instead of ${digest}`);
  }
}

function expectStatus({ status, body }: Reply, expected: number, what: string): void {
  if (status !== expected) {
    throw new Error(`${what}: answered ${status} instead of ${expected}: ${body.subarray(0, 300)}`);
  }
}
