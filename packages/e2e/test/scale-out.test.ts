import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@combined-registry/deadline";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { routerNames, servedBy } from "../src/balancer.ts";
import { type Client, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { type Fleet, startFleet } from "../src/fleet.ts";
import { type Reply, request } from "../src/http.ts";
import { acceptManifests, content, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { startRouter } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";
import { locationOf, seed, seedBlob, withDigest } from "../src/seed.ts";

const manifests = { Accept: acceptManifests };
const octets = { "Content-Type": "application/octet-stream" };
const [one, other] = routerNames;
const users = { alice: "alice's own" };

/** Whether each answer is the other router's than the one before. */
function hops(replies: readonly Reply[]): boolean {
  const by = replies.map(({ headers }) => headers[servedBy]);
  return by.every((name, index) => name !== undefined && name !== by[index + 1]);
}

describeE2E(
  "two routers behind haproxy",
  ["docker-registry", "docker", "dockerd", "skopeo", "podman", "htpasswd", "haproxy"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let fleet: Fleet;
    let front: string;

    beforeAll(async () => {
      lab = await openLab(resources);
      fleet = await startFleet(resources, lab, { rules: [{ match: "ours/**", owned: true }] });
      front = fleet.balancer.origin;
    }, 60_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    function manifestOf(origin: string, repository: string, reference: string): Promise<Reply> {
      return request(origin, "GET", `/v2/${repository}/manifests/${reference}`, { headers: manifests });
    }

    function originOf(name: string): string {
      return fleet.router(name).origin;
    }

    it("are set up as the example says, whose haproxy.cfg is valid as it stands", async () => {
      const read = (name: string) =>
        readFile(new URL(`../../../examples/haproxy/${name}`, import.meta.url), "utf8");
      const file = async (name: string, text: string) => {
        await writeFile(join(lab.folder, name), text);
        return join(lab.folder, name);
      };
      await run("haproxy", ["-c", "-f", await file("haproxy.cfg", await read("haproxy.cfg"))], {
        PATH: searchPath,
      });

      const [, yaml = ""] = /```yaml\n(.*?)```/s.exec(await read("README.md")) ?? [];
      const registries = ["--hosted", lab.hosted.origin, "--proxy", lab.cache.origin];
      const args = ["--config", await file("example.yaml", yaml), "--host", "127.0.0.1", ...registries];
      await using router = await startRouter({ args, folder: lab.folder });
      expect((await request(router.origin, "GET", "/readyz")).status).toBe(200);
    }, 30_000);

    it("take an upload in pieces, each of which goes to the other router", async () => {
      const [first, second] = [randomBytes(300_000), randomBytes(200_000)];
      const whole = content(Buffer.concat([first, second]));

      const posted = await request(front, "POST", "/v2/team/pieces/blobs/uploads/");
      const patched = await request(front, "PATCH", locationOf(posted, front), {
        headers: octets,
        body: first,
      });
      const asked = await request(front, "GET", locationOf(patched, front));
      const again = await request(front, "PATCH", locationOf(asked, front), {
        headers: octets,
        body: second,
      });
      const put = await request(front, "PUT", withDigest(locationOf(again, front), whole.digest));

      const replies = [posted, patched, asked, again, put];
      expect(replies.map(({ status }) => status)).toEqual([202, 202, 204, 202, 201]);
      expect(hops(replies)).toBe(true);
      expect((await request(front, "GET", locationOf(put, front))).body.equals(whole.bytes)).toBe(true);
    }, 60_000);

    it("copy for a push what only the cache has: mounted by one, told of by the other, pushed to the first", async () => {
      const published = await image(randomBytes(100_000).toString("hex"));
      await seed(lab.public.origin, "library/base", "1.0", published);
      const [config, ...layers] = published.blobs.map(({ digest }) => digest);

      const mounted = await request(
        front,
        "POST",
        `/v2/team/mounted/blobs/uploads/?mount=${config}&from=library/base`,
      );
      const told = await Promise.all(
        layers.map((digest) => request(front, "HEAD", `/v2/library/base/blobs/${digest}`)),
      );
      const pushed = await request(front, "PUT", "/v2/library/base/manifests/mine", {
        headers: { "Content-Type": published.mediaType },
        body: published.manifest.bytes,
      });

      expect([mounted, ...told, pushed].map(({ status }) => status)).toEqual([201, 200, 201]);
      expect(hops([mounted, ...told, pushed])).toBe(true);
      for (const digest of layers) {
        const target = `/v2/library/base/blobs/${digest}`;
        expect((await request(lab.hosted.origin, "HEAD", target)).status).toBe(200);
      }
    }, 60_000);

    describe("what one has changed, at the other", () => {
      it("is a pushed tag at once, each time", async () => {
        const images = await Promise.all(["a", "b"].map((text) => image(`fresh ${text}`)));
        const seen: [string, string][] = [];
        for (let round = 0; round < 20; round++) {
          const [pusher, puller] = round % 2 === 0 ? [one, other] : [other, one];
          const pushed = images[round % 2] ?? images[0];
          if (pushed === undefined) {
            throw new Error("no image");
          }
          await seed(originOf(pusher), "team/fresh", "latest", pushed);
          const { body } = await manifestOf(originOf(puller), "team/fresh", "latest");
          seen.push([content(body).digest, pushed.manifest.digest]);
        }
        expect(seen.filter(([got, expected]) => got !== expected)).toEqual([]);
      }, 60_000);

      it("is a tag's absence at once, and a deleted manifest by its digest only after memory.ttl", async () => {
        const { manifest, ...rest } = await image("to be deleted");
        await seed(originOf(one), "team/gone", "1.0", { manifest, ...rest });
        await manifestOf(originOf(other), "team/gone", manifest.digest);

        const target = `/v2/team/gone/manifests/${manifest.digest}`;
        expect((await request(originOf(one), "DELETE", target)).status).toBe(202);

        expect((await manifestOf(originOf(one), "team/gone", manifest.digest)).status).toBe(404);
        expect((await manifestOf(originOf(other), "team/gone", "1.0")).status).toBe(404);
        expect((await request(originOf(other), "HEAD", target, { headers: manifests })).status).toBe(404);
        expect((await manifestOf(originOf(other), "team/gone", manifest.digest)).status).toBe(200);
      }, 60_000);

      it("is a new public tag when memory.absentTtl has passed, where somebody has asked for it before", async () => {
        const asks = async (name: string) => (await manifestOf(originOf(name), "library/new", "1.0")).status;
        expect(await asks(other)).toBe(404);
        await seed(lab.public.origin, "library/new", "1.0", await image("new"));

        expect(await asks(one)).toBe(200);
        expect(await asks(other)).toBe(404);
        await until("the other one to find the tag", 10_000, async () => (await asks(other)) !== 404);
        expect(await asks(other)).toBe(200);
      }, 60_000);

      it("is that a repository is hosted's own, within five seconds where it was asked for before", async () => {
        const [theirs, ours] = await Promise.all([image("theirs"), image("ours")]);
        await seed(lab.public.origin, "ours/app", "1.0", theirs);
        const asks = async (name: string) =>
          content((await manifestOf(originOf(name), "ours/app", "1.0")).body).digest;
        expect(await asks(other)).toBe(theirs.manifest.digest);
        await seed(originOf(one), "ours/app", "1.0", ours);

        expect(await asks(one)).toBe(ours.manifest.digest);
        expect(await asks(other)).toBe(theirs.manifest.digest);
        const isOurs = async () => (await asks(other)) !== theirs.manifest.digest;
        await until("the other one to see whose it is", 10_000, isOurs);
        expect(await asks(other)).toBe(ours.manifest.digest);
      }, 60_000);
    });

    it("list the signatures that one and the other has taken", async () => {
      const subject = await image("signed");
      await seed(front, "team/signed", "1.0", subject);
      const empty = content("{}");
      await seedBlob(front, "team/signed", empty);
      const descriptor = { mediaType: "application/vnd.oci.empty.v1+json", digest: empty.digest, size: 2 };
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      const { digest } = subject.manifest;

      const signatures = [one, other].map((by) =>
        content(
          JSON.stringify({
            schemaVersion: 2,
            mediaType,
            artifactType: "application/vnd.example.signature",
            config: descriptor,
            layers: [descriptor],
            subject: { mediaType, digest, size: subject.manifest.bytes.length },
            annotations: { by },
          }),
        ),
      );
      for (const { digest: name, bytes } of signatures) {
        const target = `/v2/team/signed/manifests/${name}`;
        const put = await request(front, "PUT", target, {
          headers: { "Content-Type": mediaType },
          body: bytes,
        });
        expect([put.status, put.headers["oci-subject"]]).toEqual([201, digest]);
      }

      for (const name of routerNames) {
        const listed = await request(originOf(name), "GET", `/v2/team/signed/referrers/${digest}`);
        const digests = JSON.parse(listed.body.toString()).manifests.map((each: Named) => each.digest);
        expect(digests.sort()).toEqual(signatures.map((each) => each.digest).sort());
      }
    }, 60_000);

    it("go on serving what is public while hosted is away, and nobody is taken out for it", async () => {
      await using alone = new Resources();
      const deserted = await openLab(alone);
      await seed(deserted.public.origin, "library/tool", "1.0", await image("public"));
      const { balancer } = await startFleet(alone, deserted);
      await deserted.hosted[Symbol.asyncDispose]();

      const seen: number[] = [];
      // Longer than two checks of each router take.
      const end = performance.now() + 4_000;
      await until("four seconds of pulls", 30_000, async () => {
        seen.push((await manifestOf(balancer.origin, "library/tool", "1.0")).status);
        return performance.now() >= end;
      });

      expect([...new Set(seen)]).toEqual([200]);
    }, 60_000);

    describe("that ask for passwords, used by", () => {
      const auth = { access: { pull: "anonymous", push: "authenticated" } };
      let host: string;
      let folder: string;

      beforeAll(async () => {
        folder = await resources.folder();
        const htpasswdFile = join(folder, "htpasswd");
        const line = ["-nbB", "alice", users.alice];
        await writeFile(htpasswdFile, await run("htpasswd", line, { PATH: process.env.PATH }));
        const guarded = await startFleet(resources, lab, {
          auth: { htpasswdFile },
          rules: [{ match: "**", ...auth }],
        });
        host = guarded.balancer.host;
        await seed(
          lab.public.origin,
          "library/tool",
          "1.0",
          await image(randomBytes(50_000).toString("hex")),
        );
      }, 60_000);

      async function inHosted(repository: string): Promise<number> {
        return (await manifestOf(lab.hosted.origin, repository, "2.0")).status;
      }

      async function pullAndPush(client: Client, repository: string, ...flags: string[]): Promise<void> {
        const [from, to] = [`${host}/library/tool:1.0`, `${host}/${repository}:2.0`];
        await client("pull", ...flags, from);
        await client("tag", from, to);
        await expect(client("push", ...flags, to)).rejects.toThrow(/unauthorized|authentication required/);
        await client("login", ...flags, "--username", "alice", "--password", users.alice, host);
        await client("push", ...flags, to);
        expect(await inHosted(repository)).toBe(200);
        await client("logout", host);
        await client("rmi", "--force", to);
        await client("pull", ...flags, to);
      }

      it("docker", async () => {
        const engine = resources.use(await startDockerEngine(folder));
        await pullAndPush(dockerClient(folder, engine), "team/docker");
      }, 120_000);

      it("podman", async () => {
        await pullAndPush(await podmanClient(folder), "team/podman", "--tls-verify=false");
      }, 120_000);

      it("skopeo", async () => {
        const skopeo = skopeoClient(await resources.folder());
        const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        const [from, to] = [`docker://${host}/library/tool:1.0`, `docker://${host}/team/skopeo:2.0`];
        await skopeo("copy", "--all", ...plain, `--dest-creds=alice:${users.alice}`, from, to);
        expect(await inHosted("team/skopeo")).toBe(200);
        expect(JSON.parse(await skopeo("inspect", "--tls-verify=false", to)).Name).toBe(
          `${host}/team/skopeo`,
        );
      }, 60_000);
    });
  },
);

interface Named {
  readonly digest: string;
}
