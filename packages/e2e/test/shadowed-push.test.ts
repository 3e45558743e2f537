import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const platforms = ["linux/amd64", "linux/arm64"];

describeE2E(
  "a push of a tag that the cache has with another digest, where the rule denies that",
  ["docker-registry", "docker", "dockerd", "skopeo", "podman"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let router: Router;
    let docker: Client;
    let skopeo: Client;
    let podman: Client;

    beforeAll(async () => {
      lab = await openLab(resources);
      router = await lab.startRouter({ rules: [{ match: "**", shadow: "deny" }] });
      docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
      skopeo = skopeoClient(lab.folder);
      podman = await podmanClient(lab.folder);
      await seed(lab.public.origin, "library/tool", "1.0", await image("public", platforms));
      await seed(lab.hosted.origin, "acme/own", "1.0", await image("private"));
      await seed(lab.hosted.origin, "acme/index", "1.0", await image("private, for several", platforms));
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    async function statusInHosted(repository: string, tag: string): Promise<number> {
      const target = `/v2/${repository}/manifests/${tag}`;
      return (await request(lab.hosted.origin, "GET", target, { headers: { Accept: acceptManifests } }))
        .status;
    }

    const refusal = /denies tags that shadow others/;

    it("is refused to docker, which shows why, and another tag is not", async () => {
      const name = `${router.host}/library/tool`;
      await docker("pull", `${router.host}/acme/own:1.0`);
      await docker("tag", `${router.host}/acme/own:1.0`, `${name}:1.0`);
      await docker("tag", `${router.host}/acme/own:1.0`, `${name}:own`);

      await expect(docker("push", `${name}:1.0`)).rejects.toThrow(refusal);
      await docker("push", `${name}:own`);

      expect([
        await statusInHosted("library/tool", "1.0"),
        await statusInHosted("library/tool", "own"),
      ]).toEqual([404, 200]);
    }, 90_000);

    it("is refused to podman", async () => {
      const name = `${router.host}/acme/own:1.0`;
      await podman("pull", "--tls-verify=false", name);

      await expect(
        podman("push", "--tls-verify=false", name, `docker://${router.host}/library/tool:1.0`),
      ).rejects.toThrow(refusal);
    }, 90_000);

    it("is refused to skopeo with an index, but for the very one that the cache has", async () => {
      const to = `docker://${router.host}/library/tool:1.0`;
      const copy = (from: string) =>
        skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", `docker://${from}`, to);

      await expect(copy(`${router.host}/acme/index:1.0`)).rejects.toThrow(refusal);
      expect(await statusInHosted("library/tool", "1.0")).toBe(404);

      await copy(`${lab.public.origin.replace("http://", "")}/library/tool:1.0`);
      expect(await statusInHosted("library/tool", "1.0")).toBe(200);
    }, 90_000);
  },
);
