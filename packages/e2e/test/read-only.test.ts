import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, dockerClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

describeE2E("a router that takes no pushes", ["docker-registry", "docker", "dockerd", "skopeo"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let docker: Client;
  let skopeo: Client;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({ rules: [{ match: "**", push: "deny" }] });
    docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
    skopeo = skopeoClient(lab.folder);
    await seed(lab.public.origin, "library/tool", "1.0", await image("to be pulled"));
    await seed(lab.hosted.origin, "team/app", "1.0", await image("of hosted"));
  }, 90_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  it("says so to docker, which does not try again", async () => {
    const name = `${router.host}/library/tool`;
    await docker("pull", `${name}:1.0`);
    await docker("tag", `${name}:1.0`, `${name}:2.0`);
    lab.hostedTap.take();

    await expect(docker("push", `${name}:2.0`)).rejects.toThrow(/denie/);

    expect(lab.hostedTap.take().filter(({ method }) => !["GET", "HEAD"].includes(method))).toEqual([]);
  }, 30_000);

  it("says so to skopeo, with the rule, and deletes nothing", async () => {
    const name = `docker://${router.host}/team/app`;
    const both = ["--src-tls-verify=false", "--dest-tls-verify=false"];

    await expect(skopeo("copy", ...both, `${name}:1.0`, `${name}:2.0`)).rejects.toThrow(
      /rules\[0\] denies them/,
    );
    await expect(skopeo("delete", "--tls-verify=false", `${name}:1.0`)).rejects.toThrow();
    await skopeo("inspect", "--tls-verify=false", `${name}:1.0`);
  }, 30_000);
});
