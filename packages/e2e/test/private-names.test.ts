import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, dockerClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed, seedBlob } from "../src/seed.ts";

describeE2E("private names", ["docker-registry", "docker", "dockerd", "skopeo"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let docker: Client;
  let skopeo: Client;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({
      rules: [
        { match: "corp/**", pull: ["hosted"] },
        { match: "**", owned: true },
      ],
    });
    docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
    skopeo = skopeoClient(lab.folder);
  }, 90_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  function address(repository: string, reference = ":1.0"): string {
    return `docker://${router.host}/${repository}${reference}`;
  }

  /** What the cache was asked for, but for `/v2/`. */
  function told(): string[] {
    return lab.cacheTap
      .take()
      .map(({ method, target }) => `${method} ${target}`)
      .filter((line) => line !== "GET /v2/");
  }

  // Both sides have the image, so whoever were asked for it would have it.
  async function publish(repository: string, text: string): Promise<Image> {
    const published = await image(text);
    await seed(lab.hosted.origin, repository, "1.0", published);
    await seed(lab.public.origin, repository, "1.0", published);
    lab.cacheTap.take();
    return published;
  }

  describe.each([
    ["pull: [hosted]", "corp/app"],
    ["owned: true", "team/app"],
  ])("under %s", (_, prefix) => {
    it("are not told by skopeo's pulls, inspections and lists", async () => {
      const repository = `${prefix}-skopeo`;
      const { manifest } = await publish(repository, `${prefix}, skopeo`);
      const kept = join(lab.folder, `${prefix.replace("/", "-")}-kept`);

      await skopeo("copy", "--src-tls-verify=false", address(repository), `dir:${kept}`);
      await skopeo(
        "copy",
        "--src-tls-verify=false",
        address(repository, `@${manifest.digest}`),
        `dir:${kept}-digest`,
      );
      await skopeo("inspect", "--tls-verify=false", address(repository));
      await skopeo("list-tags", "--tls-verify=false", address(repository, ""));

      expect(told()).toEqual([]);
    }, 60_000);

    it("are not told by skopeo's pushes, copies and deletes", async () => {
      const repository = `${prefix}-pushed`;
      await publish(repository, `${prefix}, pushed`);
      const both = ["--src-tls-verify=false", "--dest-tls-verify=false"];

      await skopeo("copy", ...both, address(repository), address(repository, ":2.0"));
      await skopeo("delete", "--tls-verify=false", address(repository, ":2.0"));

      expect(told()).toEqual([]);
    }, 60_000);

    it("are not told by docker's pulls and pushes", async () => {
      const repository = `${prefix}-docker`;
      const { manifest } = await publish(repository, `${prefix}, docker`);
      const name = `${router.host}/${repository}`;

      await docker("pull", `${name}:1.0`);
      await docker("pull", `${name}@${manifest.digest}`);
      await docker("tag", `${name}:1.0`, `${name}:2.0`);
      await docker("push", `${name}:2.0`);
      await docker("rmi", `${name}:1.0`, `${name}:2.0`);
      await docker("pull", `${name}:2.0`);

      expect(told()).toEqual([]);
    }, 90_000);

    it("are not told by mounts from them and into them", async () => {
      const repository = `${prefix}-mounted`;
      const { blobs } = await publish(repository, `${prefix}, mounted`);
      const [blob] = blobs;
      const mount = (into: string, from: string) =>
        request(router.origin, "POST", `/v2/${into}/blobs/uploads/?mount=${blob?.digest}&from=${from}`);

      const taken = await mount("mine/public", repository);
      const given = await mount(`${repository}-2`, "mine/public");

      expect([taken.status, given.status]).toEqual([201, 201]);
      expect(told()).toEqual([]);
    }, 60_000);
  });

  it("are told for what is not private", async () => {
    await seed(lab.public.origin, "library/tool", "1.0", await image("public"));
    told();

    await skopeo("inspect", "--tls-verify=false", address("library/tool"));

    expect(told()).toContain("GET /v2/library/tool/manifests/1.0");
  }, 60_000);

  it("stay owned when the last tag is gone", async () => {
    const { manifest, blobs } = await publish("team/untagged", "untagged");
    for (const blob of blobs) {
      await seedBlob(lab.hosted.origin, "team/untagged", blob);
    }
    const gone = await request(lab.hosted.origin, "DELETE", `/v2/team/untagged/manifests/${manifest.digest}`);

    const answer = await request(router.origin, "GET", "/v2/team/untagged/manifests/1.0");

    expect([gone.status, answer.status]).toEqual([202, 404]);
    expect(told()).toEqual([]);
  }, 60_000);
});
