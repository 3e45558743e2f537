import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@combined-registry/deadline";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, skopeoClient } from "../src/clients.ts";
import { request } from "../src/http.ts";
import { type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const publicTags = ["z9", "Beta", "1.25", "latest", "1.9"];
const hostedTags = ["1.10", "latest", "own", "Alpha"];
const allTags = ["1.10", "1.25", "1.9", "Alpha", "Beta", "latest", "own", "z9"];

// distribution 2.8 lists tags as its file system does, and takes no notice of n and last; its catalog is paged.
describeE2E("lists: merge over distribution's own lists", ["docker-registry", "skopeo"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let skopeo: Client;
  let published: Image;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({ lists: "merge" });
    skopeo = skopeoClient(lab.folder);
    published = await image("listed");
    for (const tag of publicTags) {
      await seed(lab.public.origin, "team/app", tag, published);
    }
    for (const tag of hostedTags) {
      await seed(lab.hosted.origin, "team/app", tag, published);
    }
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  /** Every name, walked by `Link` alone. */
  async function walk(target: string, key: "tags" | "repositories"): Promise<string[]> {
    const names: string[] = [];
    let next: string | undefined = target;
    while (next !== undefined && names.length < 5_000) {
      const { status, headers, body } = await request(router.origin, "GET", next);
      expect(status).toBe(200);
      names.push(...JSON.parse(body.toString())[key]);
      next = /^<([^>]*)>; rel="next"$/.exec(String(headers.link))?.[1];
    }
    return names;
  }

  it("skopeo list-tags has the tags of both, in order", async () => {
    const listed = await skopeo("list-tags", "--tls-verify=false", `docker://${router.host}/team/app`);

    expect(JSON.parse(listed).Tags).toEqual(allTags);
  }, 30_000);

  it.each([1, 3, 8, 100])("tags are walked by Link, n=%i", async (n) => {
    expect(await walk(`/v2/team/app/tags/list?n=${n}`, "tags")).toEqual(allTags);
  });

  it.each([1, 2, 100])(
    "the catalog has what hosted has and what the cache holds, n=%i",
    async (n) => {
      for (const name of ["shop/cart", "shop-old", "shop"]) {
        await seed(lab.hosted.origin, name, "1", published);
      }
      for (const name of ["shop/till", "shop-new"]) {
        await seed(lab.public.origin, name, "1", published);
        await skopeo("inspect", "--tls-verify=false", `docker://${router.host}/${name}:1`);
        // It keeps what it has sent a moment later.
        await until(`the cache to hold ${name}`, 10_000, async () => {
          const { body } = await request(lab.cache.origin, "GET", "/v2/_catalog");
          return JSON.parse(body.toString()).repositories.includes(name);
        });
      }

      expect(await walk(`/v2/_catalog?n=${n}`, "repositories")).toEqual([
        "shop",
        "shop/cart",
        "shop/till",
        "shop-new",
        "shop-old",
        "team/app",
      ]);
    },
    60_000,
  );

  it.each([100, 1_000])(
    "a catalog longer than distribution's pages is walked by Link, n=%i",
    async (n) => {
      const numbers = Array.from({ length: 500 }, (_, index) => `many/r${String(index).padStart(3, "0")}`);
      const many = numbers.flatMap((name) => [name, `${name}/app`, `${name}-tools`]);
      // What distribution takes for a repository; to push as many would take a minute.
      for (const name of many) {
        const folder = join(lab.folder, "hosted/data/docker/registry/v2/repositories", name);
        await mkdir(join(folder, "_layers"), { recursive: true });
        await mkdir(join(folder, "_manifests"), { recursive: true });
      }

      const names = await walk(`/v2/_catalog?n=${n}`, "repositories");

      expect(names.filter((name) => name.startsWith("many/"))).toEqual(many);
    },
    60_000,
  );

  it("a repository that neither has is hosted's 404", async () => {
    const { status, body } = await request(router.origin, "GET", "/v2/team/nothing/tags/list?n=2&last=a");

    expect([status, JSON.parse(body.toString()).errors[0].code]).toEqual([404, "NAME_UNKNOWN"]);
  });

  it("hosted's tags are listed while the cache is gone, and it is named", async () => {
    const alone = await lab.startRouter({ lists: "merge", proxy: "http://127.0.0.1:1" });

    const { status, headers, body } = await request(alone.origin, "GET", "/v2/team/app/tags/list");

    expect([status, JSON.parse(body.toString()).tags]).toEqual([200, [...hostedTags].sort()]);
    expect(headers.warning).toContain('"proxy failed (connection refused)"');
  });
});
