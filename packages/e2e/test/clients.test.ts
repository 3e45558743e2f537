import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const platforms = ["linux/amd64", "linux/arm64"];

describeE2E(
  "real clients through the router",
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
      router = await lab.startRouter({ rules: [{ match: "library/quiet", shadow: "allow" }] });
      docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
      skopeo = skopeoClient(lab.folder);
      podman = await podmanClient(lab.folder);
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    /** What hosted has under a reference, asked directly. */
    async function inHosted(repository: string, reference: string): Promise<string> {
      const target = `/v2/${repository}/manifests/${reference}`;
      const reply = await request(lab.hosted.origin, "GET", target, { headers: { Accept: acceptManifests } });
      expect(reply.status).toBe(200);
      return String(reply.headers["docker-content-digest"]);
    }

    /** The digests that a client keeps a repository's images under. */
    async function digestsOf(client: Client, name: string): Promise<string[]> {
      return JSON.parse(await client("image", "inspect", "--format", "{{json .RepoDigests}}", name));
    }

    // Every test has a repository of its own, so that no client has the layers already.
    describe.each(["public", "private"] as const)("a %s image", (side) => {
      async function publish(repository: string, published: Image): Promise<string> {
        const { origin } = side === "public" ? lab.public : lab.hosted;
        await seed(origin, `${side}/${repository}`, "1.0", published);
        return `${router.host}/${side}/${repository}`;
      }

      it("is pulled by docker by tag", async () => {
        const published = await image(`${side}, docker, by tag`);
        const name = await publish("docker-tag", published);
        await docker("pull", `${name}:1.0`);
        expect(await digestsOf(docker, `${name}:1.0`)).toEqual([`${name}@${published.manifest.digest}`]);
      }, 60_000);

      it("is pulled by docker by digest", async () => {
        const published = await image(`${side}, docker, by digest`);
        const name = await publish("docker-digest", published);
        await docker("pull", `${name}@${published.manifest.digest}`);
        expect(await digestsOf(docker, `${name}@${published.manifest.digest}`)).toHaveLength(1);
      }, 60_000);

      it("is pulled by docker for its platform, out of an index", async () => {
        const published = await image(`${side}, docker, index`, platforms);
        const name = await publish("docker-index", published);
        await docker("pull", "--platform", "linux/arm64", `${name}:1.0`);
        const platform = await docker("image", "inspect", "--format", "{{.Architecture}}", `${name}:1.0`);
        expect(platform.trim()).toBe("arm64");
      }, 60_000);

      it("is pushed by docker under another name, and pulled back", async () => {
        const name = await publish("docker-push", await image(`${side}, docker, pushed on`));
        const repository = `team/from-${side}`;
        await docker("pull", `${name}:1.0`);
        await docker("tag", `${name}:1.0`, `${router.host}/${repository}:2.0`);
        await docker("push", `${router.host}/${repository}:2.0`);
        const digest = await inHosted(repository, "2.0");
        await docker("rmi", "--force", `${name}:1.0`, `${router.host}/${repository}:2.0`);
        await docker("pull", `${router.host}/${repository}@${digest}`);
        expect(await digestsOf(docker, `${router.host}/${repository}@${digest}`)).toEqual([
          `${router.host}/${repository}@${digest}`,
        ]);
      }, 90_000);

      it("is pulled by podman by tag", async () => {
        const published = await image(`${side}, podman, by tag`);
        const name = await publish("podman-tag", published);
        await podman("pull", "--tls-verify=false", `${name}:1.0`);
        expect(await digestsOf(podman, `${name}:1.0`)).toContain(`${name}@${published.manifest.digest}`);
      }, 60_000);

      it("is pulled by podman by digest", async () => {
        const published = await image(`${side}, podman, by digest`);
        const name = await publish("podman-digest", published);
        const byDigest = `${name}@${published.manifest.digest}`;
        await podman("pull", "--tls-verify=false", byDigest);
        expect(await digestsOf(podman, byDigest)).toContain(byDigest);
      }, 60_000);

      it("is copied out and in by skopeo with all its platforms", async () => {
        const published = await image(`${side}, skopeo`, platforms);
        const name = await publish("skopeo-all", published);
        const layout = join(lab.folder, `skopeo-${side}`);
        await skopeo("copy", "--all", "--src-tls-verify=false", `docker://${name}:1.0`, `oci:${layout}:1.0`);
        const parts = [published, ...published.children].flatMap(({ manifest, blobs }) => [
          manifest,
          ...blobs,
        ]);
        const copied = await readdir(join(layout, "blobs", "sha256"));
        expect(new Set(copied)).toEqual(new Set(parts.map(({ digest }) => digest.replace("sha256:", ""))));

        const repository = `team/multi-from-${side}`;
        const target = `docker://${router.host}/${repository}:2.0`;
        await skopeo("copy", "--all", "--dest-tls-verify=false", `oci:${layout}:1.0`, target);
        expect(await inHosted(repository, "2.0")).toBe(published.manifest.digest);
        for (const child of published.children) {
          expect(await inHosted(repository, child.manifest.digest)).toBe(child.manifest.digest);
        }
      }, 60_000);

      it("is described by skopeo inspect", async () => {
        const published = await image(`${side}, inspected`);
        const name = await publish("skopeo-inspect", published);
        const described = JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${name}:1.0`));
        expect(described).toMatchObject({ Digest: published.manifest.digest, RepoTags: ["1.0"] });
      }, 60_000);

      it("has its tags listed by skopeo", async () => {
        const name = await publish("skopeo-tags", await image(`${side}, listed`));
        const listed = JSON.parse(await skopeo("list-tags", "--tls-verify=false", `docker://${name}`));
        expect(listed).toEqual({ Repository: name, Tags: ["1.0"] });
      }, 60_000);
    });

    it("pulls a private image by digest although the cache answers 500 for it", async () => {
      const published = await image("private, unknown to the cache");
      const { digest } = published.manifest;
      await seed(lab.hosted.origin, "acme/app", "1.0", published);
      const asked = await request(lab.cache.origin, "GET", `/v2/acme/app/manifests/${digest}`, {
        headers: { Accept: acceptManifests },
      });
      expect(asked.status).toBe(500);
      await docker("pull", `${router.host}/acme/app@${digest}`);
      await podman("pull", "--tls-verify=false", `${router.host}/acme/app@${digest}`);
    }, 60_000);

    it("serves a pull of a public image by tag without asking hosted for anything", async () => {
      await seed(lab.public.origin, "library/quiet", "1.0", await image("public, quiet"));
      lab.hostedTap.take();
      await docker("pull", `${router.host}/library/quiet:1.0`);
      const asked = lab.hostedTap.take().map(({ target }) => target);
      expect(asked.filter((target) => target !== "/v2/")).toEqual([]);
    }, 60_000);

    it("gives a tag on both sides as the proxy has it, and hosted's by its digest", async () => {
      const theirs = await image("both, public");
      const ours = await image("both, private");
      await seed(lab.public.origin, "library/both", "1.0", theirs);
      await seed(lab.hosted.origin, "library/both", "1.0", ours);
      const name = `${router.host}/library/both`;
      await docker("pull", `${name}:1.0`);
      expect(await digestsOf(docker, `${name}:1.0`)).toEqual([`${name}@${theirs.manifest.digest}`]);
      await docker("pull", `${name}@${ours.manifest.digest}`);
      await router.logged("hosted and a proxy have the same tag with different digests");
    }, 60_000);

    it("tells docker that a missing image is missing", async () => {
      await expect(docker("pull", `${router.host}/nobody/nothing:1.0`)).rejects.toThrow(
        /manifest unknown|not found/,
      );
    }, 60_000);
  },
);
