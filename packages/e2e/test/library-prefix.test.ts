import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, skopeoClient } from "../src/clients.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

describeE2E("a cache that calls nginx library/nginx", ["docker-registry", "skopeo"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let skopeo: Client;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({
      proxy: { name: "hub", url: lab.cacheTap.origin, libraryPrefix: true },
    });
    skopeo = skopeoClient(lab.folder);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  async function pull(name: string): Promise<void> {
    const target = `dir:${join(lab.folder, name.replace(/\W/g, "-"))}`;
    await skopeo("copy", "--src-tls-verify=false", `docker://${router.host}/${name}`, target);
  }

  it("serves it to a client that says nginx", async () => {
    await seed(lab.public.origin, "library/nginx", "1.0", await image("public nginx"));

    await pull("nginx:1.0");

    const targets = lab.cacheTap.take().map(({ target }) => target);
    expect(targets).toContain("/v2/library/nginx/manifests/1.0");
    expect(targets.filter((target) => target !== "/v2/" && !target.startsWith("/v2/library/nginx/"))).toEqual(
      [],
    );
  }, 60_000);

  it("leaves hosted's own image of one name within reach", async () => {
    await seed(lab.hosted.origin, "tool", "1.0", await image("private tool"));

    await pull("tool:1.0");

    expect(lab.hostedTap.take().map(({ target }) => target)).toContain("/v2/tool/manifests/1.0");
  }, 60_000);
});
