import { createHash } from "node:crypto";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { startRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, skopeoClient } from "../src/clients.ts";
import { type DockerRegistry, startDockerRegistry } from "../src/docker-registry.ts";
import { exchange } from "../src/http.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { startTap, type Tap } from "../src/tap.ts";

const layerSize = 500_000_000;
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const mostMemory = 200 * 1000 * 1000;
const mostUploaded = 50_000;

describeE2E("pushes of two layers of 500 MB that only the cache has", ["docker-registry", "skopeo"], () => {
  const resources = new Resources();
  let folder: string;
  let cache: DockerRegistry;
  let hosted: DockerRegistry;
  let router: Router;
  let front: Tap;
  let skopeo: Client;
  let layers: readonly string[];

  beforeAll(async () => {
    folder = await resources.folder();
    const publicRegistry = resources.use(await startRegistry());
    const config = publicRegistry.addBlob(
      "library/large",
      JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] } }),
    );
    const made = [1, 2].map((seed) => ({
      ...publicRegistry.addGeneratedBlob("library/large", { size: layerSize, seed }),
      mediaType: layerType,
    }));
    layers = made.map(({ digest }) => digest);
    publicRegistry.addManifest(
      "library/large",
      {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: { ...config, mediaType: "application/vnd.oci.image.config.v1+json" },
        layers: made,
      },
      { tag: "1.0" },
    );
    cache = resources.use(await startDockerRegistry({ name: "cache", folder, remote: publicRegistry.url }));
    hosted = resources.use(await startDockerRegistry({ name: "hosted", folder }));
    const upstreams = ["--hosted", hosted.origin, "--proxy", cache.origin];
    router = resources.use(await startRouter({ args: ["--host", "127.0.0.1", ...upstreams], folder }));
    front = resources.use(await startTap(router.origin));
    skopeo = skopeoClient(folder);
  }, 120_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  const large = (repository: string, tag: string) =>
    `docker://${front.origin.replace("http://", "")}/${repository}:${tag}`;

  async function digestAtHosted(repository: string, digest: string): Promise<string> {
    const response = await exchange(hosted.origin, `/v2/${repository}/blobs/${digest}`, { method: "GET" });
    expect(response.statusCode).toBe(200);
    const hash = createHash("sha256");
    await pipeline(response, hash);
    return `sha256:${hash.digest("hex")}`;
  }

  it("to another tag of the same repository: the client sends a manifest, and the router holds no layer", async () => {
    await skopeo(
      "copy",
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      large("library/large", "1.0"),
      large("library/large", "mine"),
    );

    expect(front.uploaded).toBeLessThan(mostUploaded);
    expect(await router.peakMemory()).toBeLessThan(mostMemory);
  }, 240_000);

  it("to another repository by mount: likewise", async () => {
    const pulled = `dir:${join(folder, "pulled")}`;
    await skopeo("copy", "--src-tls-verify=false", large("library/large", "1.0"), pulled);
    await skopeo("copy", "--dest-tls-verify=false", pulled, large("team/large", "2.0"));

    expect(front.seen.filter(({ target }) => /[?&]from=library%2Flarge/.test(target))).not.toEqual([]);
    expect(front.uploaded).toBeLessThan(2 * mostUploaded);
    expect(await router.peakMemory()).toBeLessThan(mostMemory);
  }, 240_000);

  it("leave hosted with every byte", async () => {
    await cache[Symbol.asyncDispose]();
    for (const repository of ["library/large", "team/large"]) {
      for (const digest of layers) {
        expect(await digestAtHosted(repository, digest)).toBe(digest);
      }
    }
  }, 120_000);
});
