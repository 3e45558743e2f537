import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Client, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { seed } from "../src/seed.ts";
import { startTap, type Tap } from "../src/tap.ts";

const platforms = ["linux/amd64", "linux/arm64"];
// Manifests, and what docker may say anew of an image. A layer here is ten times as large, compressed.
const mostUploaded = 50_000;
const layerText = () => randomBytes(500_000).toString("hex");

describeE2E(
  "pushes of images whose layers only the cache has",
  ["docker-registry", "docker", "dockerd", "skopeo", "podman"],
  () => {
    const resources = new Resources();
    const pushed: string[] = [];
    let lab: Lab;
    let front: Tap;
    let host: string;
    let docker: Client;
    let skopeo: Client;
    let podman: Client;

    beforeAll(async () => {
      lab = await openLab(resources);
      const router = await lab.startRouter();
      front = resources.use(await startTap(router.origin));
      host = front.origin.replace("http://", "");
      docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
      skopeo = skopeoClient(lab.folder);
      podman = await podmanClient(lab.folder);
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    /** An image that is public and nowhere else. */
    async function publish(repository: string, platformsOfIt?: readonly string[]): Promise<Image> {
      const published = await image(layerText(), platformsOfIt);
      await seed(lab.public.origin, repository, "1.0", published);
      return published;
    }

    /** Pushes, and sees to it that no layer left the client. */
    async function pushTo(reference: string, push: () => Promise<string>): Promise<void> {
      const before = front.uploaded;
      await push();
      expect(front.uploaded - before).toBeLessThan(mostUploaded);
      pushed.push(reference);
    }

    async function inHosted(repository: string, reference: string): Promise<string> {
      const target = `/v2/${repository}/manifests/${reference}`;
      const reply = await request(lab.hosted.origin, "GET", target, { headers: { Accept: acceptManifests } });
      expect(reply.status).toBe(200);
      return String(reply.headers["docker-content-digest"]);
    }

    it("docker, under the same name", async () => {
      await publish("library/docker-same");
      await docker("pull", `${host}/library/docker-same:1.0`);
      await docker("tag", `${host}/library/docker-same:1.0`, `${host}/library/docker-same:mine`);
      await pushTo("library/docker-same:mine", () => docker("push", `${host}/library/docker-same:mine`));
    }, 90_000);

    it("docker, under another name, by mount", async () => {
      await publish("library/docker-other");
      await docker("pull", `${host}/library/docker-other:1.0`);
      await docker("tag", `${host}/library/docker-other:1.0`, `${host}/team/docker:2.0`);
      await pushTo("team/docker:2.0", () => docker("push", `${host}/team/docker:2.0`));
      expect(mounts("library/docker-other")).not.toEqual([]);
    }, 90_000);

    it("podman, under the same name", async () => {
      await publish("library/podman-same");
      await podman("pull", "--tls-verify=false", `${host}/library/podman-same:1.0`);
      await podman("tag", `${host}/library/podman-same:1.0`, `${host}/library/podman-same:mine`);
      await pushTo("library/podman-same:mine", () =>
        podman("push", "--tls-verify=false", `${host}/library/podman-same:mine`),
      );
    }, 90_000);

    it("podman, under another name, by mount", async () => {
      await publish("library/podman-other");
      await podman("pull", "--tls-verify=false", `${host}/library/podman-other:1.0`);
      await podman("tag", `${host}/library/podman-other:1.0`, `${host}/team/podman:2.0`);
      await pushTo("team/podman:2.0", () => podman("push", "--tls-verify=false", `${host}/team/podman:2.0`));
      expect(mounts("library/podman-other")).not.toEqual([]);
    }, 90_000);

    it("skopeo, all platforms to another tag of the same repository", async () => {
      const published = await publish("library/skopeo-same", platforms);
      await pushTo("library/skopeo-same:mine", () =>
        skopeo(
          "copy",
          "--all",
          "--src-tls-verify=false",
          "--dest-tls-verify=false",
          `docker://${host}/library/skopeo-same:1.0`,
          `docker://${host}/library/skopeo-same:mine`,
        ),
      );
      expect(await inHosted("library/skopeo-same", "mine")).toBe(published.manifest.digest);
    }, 90_000);

    it("skopeo, under another name, by mount", async () => {
      const published = await publish("library/skopeo-other", platforms);
      const layout = `oci:${join(lab.folder, "skopeo-other")}:1.0`;
      await skopeo(
        "copy",
        "--all",
        "--src-tls-verify=false",
        `docker://${host}/library/skopeo-other:1.0`,
        layout,
      );
      await pushTo("team/skopeo:2.0", () =>
        skopeo("copy", "--all", "--dest-tls-verify=false", layout, `docker://${host}/team/skopeo:2.0`),
      );
      expect(mounts("library/skopeo-other")).not.toEqual([]);
      expect(await inHosted("team/skopeo", "2.0")).toBe(published.manifest.digest);
    }, 90_000);

    it("all of it pulls from hosted alone, with the cache stopped", async () => {
      await lab.cache[Symbol.asyncDispose]();
      await lab.public[Symbol.asyncDispose]();
      const hosted = lab.hosted.origin.replace("http://", "");
      expect(pushed).toHaveLength(6);
      for (const [index, reference] of pushed.entries()) {
        const target = `dir:${join(lab.folder, `pulled-${index}`)}`;
        await skopeo("copy", "--all", "--src-tls-verify=false", `docker://${hosted}/${reference}`, target);
      }
      await docker("image", "prune", "--all", "--force");
      await docker("pull", `${hosted}/library/docker-same:mine`);
      await podman("rmi", "--all", "--force");
      await podman("pull", "--tls-verify=false", `${hosted}/team/podman:2.0`);
    }, 120_000);

    /** Mounts that a client has asked for. */
    function mounts(from: string): string[] {
      const asked = front.seen.filter(({ method }) => method === "POST").map(({ target }) => target);
      return asked.filter((target) => new URLSearchParams(target.split("?")[1]).get("from") === from);
    }
  },
);
