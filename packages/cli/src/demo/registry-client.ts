import { createHash } from "node:crypto";
import { breakdown, messageOf, property } from "../failure.ts";

/** A request and the upstream that answered it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** `X-Combined-Registry`, if there is one. */
  readonly decision: string | undefined;
}

export interface Content {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image of one platform. */
export interface Image {
  readonly manifest: Content;
  /** Its configuration and its layers. */
  readonly blobs: readonly Content[];
}

const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Pulls and pushes small images. Supports only what the demo needs. */
export class RegistryClient {
  readonly #base: string;
  readonly #report: (exchange: Exchange) => void;

  constructor(base: string, report: (exchange: Exchange) => void = () => {}) {
    this.#base = base;
    this.#report = report;
  }

  /**
   * Pulls an image by tag, for one platform if it has several, checking every digest.
   * @throws Failure if a response or a digest is not as expected
   */
  async pull(repository: string, tag: string, architecture: string): Promise<Image> {
    const tagged = await this.#manifest(repository, tag, `${indexType}, ${manifestType}`);
    const child = childFor(tagged, architecture);
    const manifest = child === undefined ? tagged : await this.#manifest(repository, child, manifestType);
    const parsed = parse(manifest);
    const blobs: Content[] = [];
    for (const digest of [property(parsed, "config"), ...listOf(parsed, "layers")].map(digestIn)) {
      const response = await this.#ask("GET", `/v2/${repository}/blobs/${digest}`, [200]);
      blobs.push(await verified(response, digest));
    }
    return { manifest, blobs };
  }

  /** Pushes an image under a tag. */
  async push(repository: string, tag: string, { manifest, blobs }: Image): Promise<void> {
    for (const blob of blobs) {
      await this.#upload(repository, blob);
    }
    const headers = { "Content-Type": manifestType };
    await this.#ask("PUT", `/v2/${repository}/manifests/${tag}`, [201], { headers, body: manifest.bytes });
  }

  /** The tags of a repository. */
  async tags(repository: string): Promise<readonly unknown[]> {
    const response = await this.#ask("GET", `/v2/${repository}/tags/list`, [200]);
    return listOf(await response.json(), "tags");
  }

  async #manifest(repository: string, reference: string, accept: string): Promise<Content> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const response = await this.#ask("GET", path, [200], { headers: { Accept: accept } });
    const digest = reference.includes(":") ? reference : response.headers.get("docker-content-digest");
    return verified(response, digest ?? "a Docker-Content-Digest");
  }

  async #upload(repository: string, { digest, bytes }: Content): Promise<void> {
    const blobs = `/v2/${repository}/blobs/`;
    const known = await this.#ask("HEAD", `${blobs}${digest}`, [200, 404]);
    if (known.status === 200) {
      return;
    }
    const session = await this.#ask("POST", `${blobs}uploads/`, [202]);
    const location = new URL(session.headers.get("location") ?? "", `${this.#base}${blobs}uploads/`);
    location.searchParams.set("digest", digest);
    const headers = { "Content-Type": "application/octet-stream" };
    await this.#ask("PUT", `${location.pathname}${location.search}`, [201], { headers, body: bytes });
  }

  async #ask(
    method: string,
    path: string,
    expected: readonly number[],
    init: Pick<RequestInit, "headers" | "body"> = {},
  ): Promise<Response> {
    const response = await fetch(`${this.#base}${path}`, { ...init, method }).catch((error: unknown) => {
      throw breakdown(`${method} ${path}: ${messageOf(property(error, "cause") ?? error)}`, error);
    });
    const { status, headers } = response;
    this.#report({ method, path, status, decision: headers.get("x-combined-registry") ?? undefined });
    if (!expected.includes(status)) {
      const body = await response.text();
      throw breakdown(`${method} ${path}: expected status ${expected.join(" or ")}, got ${status}: ${body}`);
    }
    return response;
  }
}

async function verified(response: Response, digest: string): Promise<Content> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const actual = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (actual !== digest) {
    throw breakdown(`${response.url}: expected ${digest}, got ${actual}`);
  }
  return { digest, bytes };
}

/** The digest of an index's manifest for a platform; undefined if this is no index. */
function childFor(manifest: Content, architecture: string): string | undefined {
  const children = listOf(parse(manifest), "manifests");
  const child = children.find((one) => property(property(one, "platform"), "architecture") === architecture);
  return children.length === 0 ? undefined : digestIn(child ?? children[0]);
}

function parse({ bytes }: Content): unknown {
  return JSON.parse(bytes.toString());
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = property(value, key);
  return Array.isArray(list) ? list : [];
}

function digestIn(descriptor: unknown): string {
  return String(property(descriptor, "digest"));
}
