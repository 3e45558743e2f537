import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Client, dockerClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

describeE2E("in an outage", ["docker-registry", "docker", "dockerd", "skopeo"], () => {
  const resources = new Resources();
  let publicImage: Image;
  let privateImage: Image;
  let docker: Client;
  let skopeo: Client;
  let lab: Lab;
  let router: Router;

  beforeAll(async () => {
    const folder = await resources.folder();
    docker = dockerClient(folder, resources.use(await startDockerEngine(folder)));
    skopeo = skopeoClient(folder);
    publicImage = await image("public, in hard times");
    privateImage = await image("private, in hard times");
  }, 90_000);

  beforeEach(async () => {
    lab = await openLab(resources);
    const { cache, hosted } = lab;
    // skopeo and podman give up on a /v2/ that does not answer 200.
    router = await lab.startRouter({ hosted: hosted.origin, proxy: cache.origin, base: "any" });
    await seed(lab.public.origin, "library/tool", "1.0", publicImage);
    await seed(lab.hosted.origin, "acme/app", "1.0", privateImage);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  function get(target: string) {
    return request(router.origin, "GET", target, { headers: { Accept: acceptManifests } });
  }

  async function expectFailure(target: string, cause: string): Promise<void> {
    const { status, body } = await get(target);
    expect({ status, ...JSON.parse(body.toString()) }).toMatchObject({
      status: 502,
      errors: [{ code: "UPSTREAM_FAILED", message: expect.stringContaining(cause) }],
    });
  }

  describe("of the cache", () => {
    beforeEach(async () => {
      await lab.cache[Symbol.asyncDispose]();
    }, 30_000);

    it("docker still pulls and pushes private images", async () => {
      await docker("pull", `${router.host}/acme/app:1.0`);
      await docker("tag", `${router.host}/acme/app:1.0`, `${router.host}/team/app:2.0`);
      await docker("push", `${router.host}/team/app:2.0`);
      expect((await get("/v2/team/app/manifests/2.0")).status).toBe(200);
    }, 90_000);

    it("skopeo still copies a private image out and in", async () => {
      const [from, to] = ["acme/app:1.0", "team/copy:2.0"].map((name) => `docker://${router.host}/${name}`);
      await skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", `${from}`, `${to}`);
      expect((await get("/v2/team/copy/manifests/2.0")).status).toBe(200);
    }, 60_000);

    it("a public image is not reported as missing, and the cause is named", async () => {
      await expectFailure("/v2/library/tool/manifests/1.0", "proxy failed (connection refused)");
    }, 30_000);

    it("/healthcheck tells who is down", async () => {
      const { status, body } = await get("/healthcheck");
      expect({ status, ...JSON.parse(body.toString()) }).toMatchObject({
        status: 503,
        proxy: 502,
        hosted: 200,
      });
    }, 30_000);
  });

  describe("of hosted", () => {
    beforeEach(async () => {
      await lab.hosted[Symbol.asyncDispose]();
    }, 30_000);

    it("skopeo still reads a public image", async () => {
      const name = `docker://${router.host}/library/tool:1.0`;
      const described = JSON.parse(await skopeo("inspect", "--no-tags", "--tls-verify=false", name));
      expect(described).toMatchObject({ Digest: publicImage.manifest.digest });
    }, 30_000);

    it("a private image is not reported as missing, and the cause is named", async () => {
      await expectFailure("/v2/acme/app/manifests/1.0", "hosted failed (connection refused)");
    }, 30_000);

    it("/healthcheck tells who is down", async () => {
      const { status, body } = await get("/healthcheck");
      expect({ status, ...JSON.parse(body.toString()) }).toMatchObject({
        status: 503,
        proxy: 200,
        hosted: 502,
      });
    }, 30_000);
  });
});
