import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Containerd, mirrorThrough, startContainerd } from "../src/containerd.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

describeE2E("containerd with the router as a mirror of docker.io", ["docker-registry", "containerd"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let containerd: Containerd;
  let hosts: string;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({
      proxy: [
        // Nobody listens there: whoever asked it would be told of a failure.
        { name: "ghcr", url: "http://127.0.0.1:1", namespace: "ghcr.io" },
        { name: "hub", url: lab.cacheTap.origin, namespace: "docker.io" },
      ],
      base: "any",
    });
    containerd = resources.use(await startContainerd(lab.folder));
    hosts = await mirrorThrough(router.origin, "docker.io", lab.folder);
  }, 90_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  function pull(name: string): Promise<string> {
    const options = ["--hosts-dir", hosts, "--snapshotter", "native", "--platform", "linux/amd64"];
    return containerd.ctr("images", "pull", ...options, name);
  }

  it("pulls from that registry's proxy, and asks nobody else", async () => {
    const published = await image("for containerd");
    await seed(lab.public.origin, "library/mirrored", "1.0", published);
    lab.cacheTap.take();
    lab.hostedTap.take();

    await pull("docker.io/library/mirrored:1.0");

    const listed = await containerd.ctr("images", "list", "name==docker.io/library/mirrored:1.0");
    expect(listed).toContain(published.manifest.digest);
    const targets = lab.cacheTap.take().map(({ target }) => target);
    expect(targets).toContain("/v2/library/mirrored/manifests/1.0?ns=docker.io");
    expect(targets.filter((target) => !target.endsWith("?ns=docker.io"))).toEqual([]);
    expect(lab.hostedTap.take()).toEqual([]);
  }, 60_000);

  it("does not get hosted's image of the same name", async () => {
    await seed(lab.hosted.origin, "library/private", "1.0", await image("not of docker.io"));

    await expect(pull("docker.io/library/private:1.0")).rejects.toThrow(/not found|refused/);
  }, 60_000);
});
