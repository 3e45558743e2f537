import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, ctrClient, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { type DockerEngine, startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { run } from "../src/run.ts";
import { seed } from "../src/seed.ts";

const passwords = { alice: "alice's own", bob: "bob's own" };

// alice may push below team-a/ alone, and everybody may pull all but what is bob's.
const rules = [
  { match: "team-a/**", access: { pull: "anonymous", push: ["alice"] } },
  { match: "secret/**", pull: ["hosted"], access: { pull: ["bob"], push: ["bob"] } },
  { match: "**", access: { pull: "anonymous", push: ["bob"] } },
];

describeE2E(
  "rules on who may what",
  ["docker-registry", "docker", "dockerd", "ctr", "skopeo", "podman", "htpasswd"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let router: Router;
    let engine: DockerEngine;

    beforeAll(async () => {
      lab = await openLab(resources);
      const htpasswd = join(lab.folder, "htpasswd");
      const lines = await Promise.all(
        Object.entries(passwords).map(([user, password]) =>
          run("htpasswd", ["-nbB", user, password], { PATH: process.env.PATH }),
        ),
      );
      await writeFile(htpasswd, lines.join("\n"));
      router = await lab.startRouter({ auth: { htpasswdFile: htpasswd }, rules });
      await seed(lab.public.origin, "library/tool", "1.0", await image("public"));
      await seed(lab.hosted.origin, "secret/app", "1.0", await image("secret"));
      await seed(lab.hosted.origin, "team-a/base", "1.0", await image("of team a"));
      engine = resources.use(await startDockerEngine(lab.folder));
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    async function hostedHas(repository: string): Promise<boolean> {
      const headers = { Accept: acceptManifests };
      const target = `/v2/${repository}/manifests/2.0`;
      return (await request(lab.hosted.origin, "HEAD", target, { headers })).status === 200;
    }

    describe("docker", () => {
      let docker: Client;

      beforeAll(() => {
        docker = dockerClient(lab.folder, engine);
      });

      async function pushAs(name: string): Promise<void> {
        await docker("tag", `${router.host}/library/tool:1.0`, `${router.host}/${name}:2.0`);
        await docker("push", `${router.host}/${name}:2.0`);
      }

      it("without a login pulls from the proxy and from hosted, and pushes nothing", async () => {
        await docker("pull", `${router.host}/library/tool:1.0`);
        await docker("pull", `${router.host}/team-a/base:1.0`);
        await expect(docker("pull", `${router.host}/secret/app:1.0`)).rejects.toThrow(
          /unauthorized|authentication required/,
        );
        await expect(pushAs("team-a/by-nobody")).rejects.toThrow(/unauthorized|authentication required/);
        expect(await hostedHas("team-a/by-nobody")).toBe(false);
      }, 90_000);

      it("is refused a login with a wrong password", async () => {
        const login = docker("login", "--username", "alice", "--password", "bob's own", router.host);
        await expect(login).rejects.toThrow(/unauthorized|401/i);
      }, 60_000);

      it("logged in as alice pulls, pushes below team-a/, and nowhere else", async () => {
        await docker("login", "--username", "alice", "--password", passwords.alice, router.host);
        await docker("pull", `${router.host}/library/tool:1.0`);
        await pushAs("team-a/by-alice");
        expect(await hostedHas("team-a/by-alice")).toBe(true);
        await expect(pushAs("team-b/by-alice")).rejects.toThrow(
          /denied: rules\[2\] does not let alice push to team-b\/by-alice/,
        );
        await expect(docker("pull", `${router.host}/secret/app:1.0`)).rejects.toThrow(
          /rules\[1\] does not let alice pull from secret\/app/,
        );
        expect(await hostedHas("team-b/by-alice")).toBe(false);
      }, 90_000);

      it("logged out pulls what alice has pushed", async () => {
        await docker("logout", router.host);
        await docker("rmi", "--force", `${router.host}/team-a/by-alice:2.0`);
        await docker("pull", `${router.host}/team-a/by-alice:2.0`);
      }, 60_000);

      it("logged in as bob pulls what is his alone, and mounts it into another repository of his", async () => {
        await docker("login", "--username", "bob", "--password", passwords.bob, router.host);
        await docker("pull", `${router.host}/secret/app:1.0`);
        await docker("tag", `${router.host}/secret/app:1.0`, `${router.host}/team-b/by-bob:2.0`);
        await docker("push", `${router.host}/team-b/by-bob:2.0`);
        expect(await hostedHas("team-b/by-bob")).toBe(true);
      }, 90_000);
    });

    describe("containerd, which asks for tokens by POST before it does by GET", () => {
      let ctr: Client;
      const plain = "--plain-http";
      const as = (user: keyof typeof passwords) => `--user=${user}:${passwords[user]}`;

      beforeAll(() => {
        ctr = ctrClient(lab.folder, engine);
      });

      it("without a password pulls what everybody may", async () => {
        await ctr("content", "fetch", plain, `${router.host}/library/tool:1.0`);
        await expect(ctr("content", "fetch", plain, `${router.host}/secret/app:1.0`)).rejects.toThrow(
          /401 Unauthorized/,
        );
      }, 60_000);

      it("with one pulls and pushes as that user may", async () => {
        const secret = `${router.host}/secret/app:1.0`;
        await expect(ctr("content", "fetch", plain, as("alice"), secret)).rejects.toThrow(/403 Forbidden/);
        await ctr("content", "fetch", plain, as("bob"), secret);
        await ctr("images", "push", plain, as("bob"), `${router.host}/team-b/by-ctr:2.0`, secret);
        expect(await hostedHas("team-b/by-ctr")).toBe(true);
        const denied = `${router.host}/team-b/by-alice-with-ctr:2.0`;
        await expect(ctr("images", "push", plain, as("alice"), denied, secret)).rejects.toThrow(
          /ended with 1/,
        );
        expect(await hostedHas("team-b/by-alice-with-ctr")).toBe(false);
      }, 60_000);
    });

    describe("podman", () => {
      let podman: Client;
      const plain = "--tls-verify=false";

      beforeAll(async () => {
        podman = await podmanClient(lab.folder);
      });

      it("without a login pulls, and pushes nothing", async () => {
        await podman("pull", plain, `${router.host}/library/tool:1.0`);
        const target = `${router.host}/team-a/podman:2.0`;
        await expect(podman("push", plain, `${router.host}/library/tool:1.0`, target)).rejects.toThrow(
          /unauthorized|authentication required/,
        );
      }, 90_000);

      it("is refused a login with a wrong password", async () => {
        await expect(
          podman("login", plain, "--username", "alice", "--password", "wrong", router.host),
        ).rejects.toThrow(/invalid username\/password|unauthorized/);
      }, 60_000);

      it("logged in as alice pushes below team-a/, and nowhere else", async () => {
        await podman("login", plain, "--username", "alice", "--password", passwords.alice, router.host);
        const source = `${router.host}/library/tool:1.0`;
        await podman("push", plain, source, `${router.host}/team-a/podman:2.0`);
        expect(await hostedHas("team-a/podman")).toBe(true);
        await expect(podman("push", plain, source, `${router.host}/team-b/podman:2.0`)).rejects.toThrow(
          /rules\[2\] does not let alice push to team-b\/podman/,
        );
        await podman("pull", plain, `${router.host}/team-a/podman:2.0`);
      }, 90_000);
    });

    describe("skopeo", () => {
      let skopeo: Client;
      const copy = (to: string, ...more: string[]) =>
        skopeo(
          "copy",
          "--src-tls-verify=false",
          "--dest-tls-verify=false",
          ...more,
          `docker://${router.host}/library/tool:1.0`,
          `docker://${router.host}/${to}:2.0`,
        );

      beforeAll(async () => {
        // skopeo also finds the logins of podman in the same folder.
        skopeo = skopeoClient(await resources.folder());
      });

      it("without a password describes and lists, and copies nothing in", async () => {
        const name = `docker://${router.host}/team-a/base`;
        await skopeo("inspect", "--tls-verify=false", `${name}:1.0`);
        expect(JSON.parse(await skopeo("list-tags", "--tls-verify=false", name)).Tags).toEqual(["1.0"]);
        await expect(copy("team-a/skopeo")).rejects.toThrow(/unauthorized|authentication required/);
      }, 60_000);

      it("as alice copies below team-a/, and nowhere else", async () => {
        const alice = `--dest-creds=alice:${passwords.alice}`;
        await copy("team-a/skopeo", alice);
        expect(await hostedHas("team-a/skopeo")).toBe(true);
        await expect(copy("team-b/skopeo", alice)).rejects.toThrow(
          /rules\[2\] does not let alice push to team-b\/skopeo/,
        );
        await expect(
          skopeo(
            "inspect",
            "--tls-verify=false",
            "--creds=alice:wrong",
            `docker://${router.host}/team-a/base:1.0`,
          ),
        ).rejects.toThrow(/unauthorized|invalid username/);
      }, 60_000);

      it("deletes as alice what is below team-a/ alone", async () => {
        const remove = (repository: string, user: keyof typeof passwords) =>
          skopeo(
            "delete",
            "--tls-verify=false",
            `--creds=${user}:${passwords[user]}`,
            `docker://${router.host}/${repository}:2.0`,
          );
        await copy("team-b/kept", `--dest-creds=bob:${passwords.bob}`);
        await expect(remove("team-b/kept", "alice")).rejects.toThrow(/denied|403/i);
        expect(await hostedHas("team-b/kept")).toBe(true);
        await remove("team-a/skopeo", "alice");
        expect(await hostedHas("team-a/skopeo")).toBe(false);
      }, 60_000);
    });
  },
);
