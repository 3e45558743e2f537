import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Reply, request } from "../src/http.ts";
import { content, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { seed, seedBlob } from "../src/seed.ts";

const repository = "team/app";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const signature = "application/vnd.dev.cosign.artifact.sig.v1+json";
const sbom = "application/spdx+json";
const empty = content("{}");

/** A manifest about another one: `oras attach` gives it a type of its own, `cosign sign` that of its configuration. */
function artifact(subject: string, kind: "oras" | "cosign", note: string): Buffer {
  const mediaType = kind === "oras" ? "application/vnd.oci.empty.v1+json" : signature;
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      ...(kind === "oras" && { artifactType: sbom }),
      config: { mediaType, digest: empty.digest, size: empty.bytes.length },
      layers: [
        { mediaType: "application/vnd.oci.empty.v1+json", digest: empty.digest, size: empty.bytes.length },
      ],
      subject: { mediaType: manifestType, digest: subject, size: 1 },
      annotations: { note },
    }),
  );
}

function put(origin: string, reference: string, body: Buffer | string, mediaType: string): Promise<Reply> {
  return request(origin, "PUT", `/v2/${repository}/manifests/${reference}`, {
    headers: { "Content-Type": mediaType },
    body,
  });
}

/** Pushes a manifest about another one, as clients do where they are told that the API is there. */
async function attach(origin: string, bytes: Buffer): Promise<string> {
  const { digest } = content(bytes);
  await seedBlob(origin, repository, empty);
  const { status, headers, body } = await put(origin, digest, bytes, manifestType);
  const subject = JSON.parse(bytes.toString()).subject.digest;
  expect([status, headers["oci-subject"], body.toString()]).toEqual([201, subject, ""]);
  return digest;
}

/** Does the same as clients do where there is no API. */
async function attachByTag(origin: string, subject: string, manifests: readonly Buffer[]): Promise<string[]> {
  await seedBlob(origin, repository, empty);
  const descriptors = manifests.map((bytes) => {
    const { artifactType, config } = JSON.parse(bytes.toString());
    return {
      mediaType: manifestType,
      digest: content(bytes).digest,
      size: bytes.length,
      artifactType: artifactType ?? config.mediaType,
    };
  });
  for (const bytes of manifests) {
    await put(origin, content(bytes).digest, bytes, manifestType);
  }
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: descriptors });
  const { status } = await put(origin, subject.replace(":", "-"), index, indexType);
  expect(status).toBe(201);
  return descriptors.map(({ digest }) => digest);
}

function digestsIn({ status, body }: Reply): string[] {
  expect([status, body.toString().slice(0, 1)]).toEqual([200, "{"]);
  return JSON.parse(body.toString())
    .manifests.map(({ digest }: { digest: string }) => digest)
    .sort();
}

async function referrers(origin: string, subject: string, type?: string): Promise<string[]> {
  const query = type === undefined ? "" : `?artifactType=${encodeURIComponent(type)}`;
  return digestsIn(await request(origin, "GET", `/v2/${repository}/referrers/${subject}${query}`));
}

function underTag(origin: string, subject: string): Promise<Reply> {
  return request(origin, "GET", `/v2/${repository}/manifests/${subject.replace(":", "-")}`, {
    headers: { Accept: indexType },
  });
}

describeE2E(
  "referrers beside a distribution registry, which has no API for them",
  ["docker-registry"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let other: TestRegistry;

    beforeAll(async () => {
      lab = await openLab(resources);
      other = resources.use(await startRegistry());
    }, 60_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    it("as hosted: pushed ones are listed under the tag, found with those of a proxy that has the API, and unlisted", async () => {
      const router = await lab.startRouter({ hosted: lab.hosted.origin, proxy: other.url });
      const subject = await image("a subject");
      await seed(router.origin, repository, "1.0", subject);
      const { digest } = subject.manifest;
      const atProxy = (["oras", "cosign"] as const).map(
        (kind) => other.addManifest(repository, artifact(digest, kind, "at the proxy")).digest,
      );

      const sbomAtHosted = await attach(router.origin, artifact(digest, "oras", "at hosted"));
      const signatureAtHosted = await attach(router.origin, artifact(digest, "cosign", "at hosted"));

      const atHosted = [sbomAtHosted, signatureAtHosted];
      expect(await referrers(router.origin, digest)).toEqual([...atProxy, ...atHosted].sort());
      expect(await referrers(router.origin, digest, sbom)).toEqual([atProxy[0], sbomAtHosted].sort());
      expect(await referrers(router.origin, digest, signature)).toEqual(
        [atProxy[1], signatureAtHosted].sort(),
      );
      expect(digestsIn(await underTag(lab.hosted.origin, digest))).toEqual([...atHosted].sort());

      // One is deleted without the router's knowledge, so that hosted takes no index with it in any more.
      await request(lab.hosted.origin, "DELETE", `/v2/${repository}/manifests/${signatureAtHosted}`);
      const last = await attach(router.origin, artifact(digest, "cosign", "the last"));
      expect(digestsIn(await underTag(lab.hosted.origin, digest))).toEqual([sbomAtHosted, last].sort());

      for (const gone of [sbomAtHosted, last]) {
        const deleted = await request(router.origin, "DELETE", `/v2/${repository}/manifests/${gone}`);
        expect([deleted.status, deleted.headers.warning]).toEqual([202, undefined]);
      }
      expect(await referrers(router.origin, digest)).toEqual([...atProxy].sort());
    }, 60_000);

    it("as cache: what its public registry has under the tag is found with that of a hosted registry with the API", async () => {
      const router = await lab.startRouter({ hosted: other.url, proxy: lab.cache.origin });
      const { digest } = content("another subject");
      const atPublic = await attachByTag(lab.public.origin, digest, [
        artifact(digest, "oras", "public"),
        artifact(digest, "cosign", "public"),
      ]);
      const atHosted = [
        await attach(router.origin, artifact(digest, "oras", "hosted")),
        await attach(router.origin, artifact(digest, "cosign", "hosted")),
      ];

      expect(await referrers(router.origin, digest)).toEqual([...atPublic, ...atHosted].sort());
      expect(await referrers(router.origin, digest, signature)).toEqual([atPublic[1], atHosted[1]].sort());
    }, 60_000);

    it("that nobody has are an empty index", async () => {
      const router = await lab.startRouter();

      expect(await referrers(router.origin, content("no subject").digest)).toEqual([]);
    }, 60_000);
  },
);
