import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Containerd, mirrorThrough, startContainerd } from "../src/containerd.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { run } from "../src/run.ts";
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
    expect(targets).toContain("/v2/library/mirrored/manifests/1.0");
    expect(targets.filter((target) => target.includes("ns="))).toEqual([]);
    expect(lab.hostedTap.take()).toEqual([]);
  }, 60_000);

  it("does not get hosted's image of the same name", async () => {
    await seed(lab.hosted.origin, "library/private", "1.0", await image("not of docker.io"));

    await expect(pull("docker.io/library/private:1.0")).rejects.toThrow(/not found|refused/);
  }, 60_000);
});

// docker with the containerd image store, nerdctl and buildkit push with the same code.
describeE2E("containerd's pushes through the router", ["docker-registry", "containerd", "htpasswd"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let containerd: Containerd;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({ base: "any" });
    containerd = resources.use(await startContainerd(lab.folder));
  }, 90_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  function ctr(verb: "pull" | "push", name: string): Promise<string> {
    const options = verb === "pull" ? ["--snapshotter", "native", "--all-platforms"] : [];
    return containerd.ctr("images", verb, "--plain-http", ...options, name);
  }

  /** What hosted itself lacks of an image: the router is not asked. */
  async function lackingAtHosted(repository: string, reference: string, pushed: Image): Promise<string[]> {
    const headers = { Accept: acceptManifests };
    const manifest = await request(lab.hosted.origin, "GET", `/v2/${repository}/manifests/${reference}`, {
      headers,
    });
    const lacking = manifest.status === 200 && manifest.body.equals(pushed.manifest.bytes) ? [] : [reference];
    for (const { digest } of pushed.blobs) {
      const blob = await request(lab.hosted.origin, "HEAD", `/v2/${repository}/blobs/${digest}`);
      lacking.push(...(blob.status === 200 ? [] : [digest]));
    }
    for (const child of pushed.children) {
      lacking.push(...(await lackingAtHosted(repository, child.manifest.digest, child)));
    }
    return lacking;
  }

  it.each([
    ["image", ["linux/amd64"]],
    ["index", ["linux/amd64", "linux/arm64"]],
  ])(
    "an %s that the proxy has under the same tag is in hosted when the push is done",
    async (kind, platforms) => {
      const published = await image(`pushed by ctr, ${kind}`, platforms);
      const repository = `same/${kind}`;
      await seed(lab.public.origin, repository, "1.0", published);
      const name = `${router.host}/${repository}:1.0`;
      await ctr("pull", name);
      expect(await lackingAtHosted(repository, "1.0", published)).not.toEqual([]);

      await ctr("push", name);

      expect(await lackingAtHosted(repository, "1.0", published)).toEqual([]);
    },
    60_000,
  );

  it("an image is in hosted as well where every client may pull and only users may push", async () => {
    const htpasswd = join(lab.folder, "htpasswd");
    await writeFile(htpasswd, await run("htpasswd", ["-nbB", "alice", "secret"], { PATH: process.env.PATH }));
    const access = { pull: "anonymous", push: ["alice"] };
    const config = { auth: { htpasswdFile: htpasswd }, rules: [{ match: "**", access }], base: "any" };
    const guarded = await lab.startRouter(config);
    const published = await image("pushed by ctr, as a user");
    await seed(lab.public.origin, "same/guarded", "1.0", published);
    const name = `${guarded.host}/same/guarded:1.0`;
    await ctr("pull", name);

    await containerd.ctr("images", "push", "--plain-http", "--user", "alice:secret", name);

    expect(await lackingAtHosted("same/guarded", "1.0", published)).toEqual([]);
  }, 60_000);

  it("a tag is found again at hosted, and nothing is pushed twice", async () => {
    const published = await image("pushed by ctr, twice");
    await seed(lab.public.origin, "same/twice", "1.0", published);
    const name = `${router.host}/same/twice:1.0`;
    await ctr("pull", name);
    await ctr("push", name);
    lab.hostedTap.take();
    lab.cacheTap.take();

    await ctr("push", name);

    const methods = (seen: readonly { method: string; target: string }[]) =>
      seen.filter(({ target }) => target.includes("/manifests/")).map(({ method }) => method);
    expect(methods(lab.hostedTap.take())).toEqual(["HEAD"]);
    expect(methods(lab.cacheTap.take())).toEqual([]);
  }, 60_000);
});

describeE2E("containerd while the cache is down", ["docker-registry", "containerd"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let containerd: Containerd;

  beforeAll(async () => {
    lab = await openLab(resources);
    router = await lab.startRouter({ proxy: "http://127.0.0.1:1", base: "any" });
    containerd = resources.use(await startContainerd(lab.folder));
  }, 90_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  const ctr = (...args: string[]) => containerd.ctr("images", ...args);
  const pull = (name: string) => ctr("pull", "--plain-http", "--snapshotter", "native", name);

  it("pulls and pushes what is private, and is told of the outage where a tag is not there", async () => {
    const published = await image("private, for containerd");
    await seed(lab.hosted.origin, "team/app", "1.0", published);
    const pushed = `${router.host}/team/copy:1.0`;

    await pull(`${router.host}/team/app:1.0`);
    await ctr("tag", `${router.host}/team/app:1.0`, pushed);
    await ctr("push", "--plain-http", pushed);

    const reply = await request(lab.hosted.origin, "HEAD", "/v2/team/copy/manifests/1.0", {
      headers: { Accept: acceptManifests },
    });
    expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, published.manifest.digest]);
    await expect(pull(`${router.host}/library/nothing:1.0`)).rejects.toThrow(/50[23]/);
  }, 60_000);
});
