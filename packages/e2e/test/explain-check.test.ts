import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CheckReport, Explanation } from "@combined-registry/core";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type DockerRegistry, startDockerRegistry } from "../src/docker-registry.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { inspect } from "../src/inspection.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { seed } from "../src/seed.ts";

describeE2E("explain and check, between real registries", ["docker-registry"], () => {
  const resources = new Resources();
  let lab: Lab;
  let published: Image;
  let pushed: Image;

  beforeAll(async () => {
    lab = await openLab(resources);
    published = await image("public");
    pushed = await image("private");
    await seed(lab.public.origin, "team/both", "1", published);
    await seed(lab.public.origin, "library/tool", "1", published);
    await seed(lab.hosted.origin, "team/both", "1", pushed);
    await seed(lab.hosted.origin, "team/private", "1", pushed);
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  const upstreams = () => ({ hosted: lab.hostedTap.origin, proxy: lab.cacheTap.origin });
  const explain = (name: string) => inspect<Explanation>(["explain", name], upstreams(), lab.folder);
  const check = (changed: object = {}) =>
    inspect<CheckReport>(["check"], { ...upstreams(), ...changed }, lab.folder);
  const ids = ({ findings }: CheckReport, name: string) =>
    findings.filter(({ where }) => where === name).map(({ severity, id }) => `${severity} ${id}`);
  const inStorage = (name: string) => readdir(join(lab.folder, name), { recursive: true });

  it("recognises distribution as hosted and as a cache, with deletes and without referrers", async () => {
    const { code, said } = await check();

    expect(code).toBe(0);
    expect(said.upstreams).toMatchObject([
      { product: "CNCF distribution", version: "2.x", cache: false, deletes: true, referrers: false },
      { product: "CNCF distribution", version: "2.x", cache: true },
    ]);
    expect(ids(said, "hosted")).toEqual(["ok reachable", "ok deletes", "hint referrers-missing", "ok clock"]);
    expect(ids(said, "proxy")).toEqual(["ok reachable", "ok cache", "ok clock"]);
  });

  it("leaves nothing behind in any storage", async () => {
    const reads = ["GET", "HEAD"];
    const names = ["public", "cache", "hosted"];
    const before = await Promise.all(names.map(inStorage));
    lab.cacheTap.take();
    lab.hostedTap.take();

    await check();

    expect(await Promise.all(names.map(inStorage))).toEqual(before);
    expect(lab.cacheTap.take().filter(({ method }) => !reads.includes(method))).toEqual([]);
    expect(
      lab.hostedTap
        .take()
        .filter(({ method }) => !reads.includes(method))
        .map(({ method }) => method),
    ).toEqual(["DELETE"]);
  });

  it("sees that deletes are off", async () => {
    const hosted = resources.use(
      await startDockerRegistry({ name: "keeper", folder: lab.folder, deletes: false }),
    );

    const { code, said } = await check({ hosted: hosted.origin });

    expect(code).toBe(0);
    expect(said.upstreams[0]).toMatchObject({ deletes: false });
    expect(ids(said, "hosted")).toContain("hint deletes-off");
  }, 30_000);

  it("sees that hosted and proxy are mixed up", async () => {
    const { code, said } = await check({ hosted: lab.cache.origin, proxy: lab.hosted.origin });

    expect(code).toBe(1);
    expect(ids(said, "hosted")).toContain("error hosted-is-cache");
    expect(ids(said, "proxy")).toContain("warning proxy-is-registry");
  });

  it("sees that hosted is a router like this one", async () => {
    const router = await lab.startRouter();

    const { code, said } = await check({ hosted: router.origin });

    expect(code).toBe(0);
    expect(ids(said, "hosted")).toContain("hint router");
  }, 30_000);

  it("foresees what pulls through a router get, by tag and by digest", async () => {
    const router = await lab.startRouter();
    const rows = [
      "team/both:1",
      "team/private:1",
      "library/tool:1",
      "team/none:1",
      `team/private@${pushed.manifest.digest}`,
      `team/both@${published.manifest.digest}`,
      `team/private@sha256:${"0".repeat(64)}`,
    ];
    for (const name of rows) {
      const { code, said } = await explain(name);
      const target = `/v2/${said.repository}/manifests/${said.reference}`;
      const real = await request(router.origin, "GET", target, { headers: { Accept: acceptManifests } });
      const by = String(real.headers["x-combined-registry"]).split(";")[0];

      expect([name, said.pull.status, code]).toEqual([name, real.status, real.status === 200 ? 0 : 1]);
      if (said.pull.from !== undefined) {
        const answer = said.upstreams.find(({ name: upstream }) => upstream === said.pull.from);
        expect([name, said.pull.from, answer?.digest]).toEqual([
          name,
          by,
          real.headers["docker-content-digest"],
        ]);
      }
    }
  }, 60_000);

  it("names both digests of a tag that means two images", async () => {
    const { said } = await explain("team/both:1");

    expect(said.shadowing).toEqual([
      {
        hosted: { name: "hosted", digest: pushed.manifest.digest },
        proxy: { name: "proxy", digest: published.manifest.digest },
      },
    ]);
  });

  it("reads a cache's 500 as what it is, and one of a cache that cannot ask as another", async () => {
    const unknown = `team/private@sha256:${"0".repeat(64)}`;
    const behind: DockerRegistry = await startDockerRegistry({ name: "behind", folder: lab.folder });
    const cache = resources.use(
      await startDockerRegistry({ name: "orphan", folder: lab.folder, remote: behind.origin }),
    );
    const there = { ...upstreams(), proxy: cache.origin };

    const well = await inspect<Explanation>(["explain", unknown], there, lab.folder);
    await behind[Symbol.asyncDispose]();
    const orphaned = await inspect<Explanation>(["explain", unknown], there, lab.folder);
    const checked = await check({ proxy: cache.origin });

    expect(well.said.upstreams[0]).toMatchObject({ method: "GET", status: 500, outcome: "not_found" });
    expect(orphaned.said.upstreams[0]).toMatchObject({
      status: 500,
      outcome: "failed",
      cause: "answered 500",
    });
    expect(orphaned.said.pull.status).toBe(502);
    expect(ids(checked.said, "proxy")).toContain("warning cache-upstream");
    expect(checked.said.upstreams[1]).toMatchObject({ product: "CNCF distribution", cache: true });
  }, 60_000);
});
