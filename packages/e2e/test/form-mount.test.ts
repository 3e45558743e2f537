import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

// distribution reads mount and from out of a form body as well as out of the query. What is authorized is the query; so
// a blob of any repository could be had by hiding the mount in a form.
describeE2E("a mount that hides in a form body", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter();
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  it("works at the registry itself, and not through the router", async () => {
    const secret = await image("a secret");
    await seed(lab.hosted.origin, "secret/app", "1.0", secret);
    const [blob] = secret.blobs;
    const form = {
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: `mount=${blob?.digest}&from=secret/app`,
    };

    const direct = await request(lab.hosted.origin, "POST", "/v2/mine/direct/blobs/uploads/", form);
    const routed = await request(router.origin, "POST", "/v2/mine/routed/blobs/uploads/", form);
    const stolen = await request(lab.hosted.origin, "GET", `/v2/mine/routed/blobs/${blob?.digest}`);

    expect([direct.status, routed.status, stolen.status]).toEqual([201, 202, 404]);
  });
});
