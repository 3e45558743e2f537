import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Client, dockerClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { acceptManifests, type Image, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { run } from "../src/run.ts";
import { seed } from "../src/seed.ts";

const user = "robot";
const password = "s3cret";
const authorization = { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };

describeE2E(
  "a hosted registry that asks for a password",
  ["docker-registry", "docker", "dockerd", "htpasswd"],
  () => {
    const resources = new Resources();
    let published: Image;
    let lab: Lab;
    let docker: Client;

    beforeAll(async () => {
      const folder = await resources.folder();
      const htpasswd = join(folder, "htpasswd");
      await writeFile(htpasswd, await run("htpasswd", ["-nbB", user, password], { PATH: process.env.PATH }));
      lab = await openLab(resources, { hostedHtpasswd: htpasswd });
      docker = dockerClient(folder, resources.use(await startDockerEngine(folder)));
      published = await image("private, behind a password");
      await seed(lab.hosted.origin, "acme/app", "1.0", published, authorization);
      await seed(lab.public.origin, "library/tool", "1.0", await image("public"));
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    const startRouter = (auth: unknown) => lab.startRouter({ hosted: { url: lab.hostedTap.origin, auth } });

    describe("of the router's own", () => {
      let router: Router;

      beforeAll(async () => {
        router = await startRouter({ username: user, password });
      }, 60_000);

      it("gives and takes images for clients that have none", async () => {
        const name = `${router.host}/acme/app`;
        await docker("pull", `${name}:1.0`);
        await docker("tag", `${name}:1.0`, `${router.host}/team/app:2.0`);
        await docker("push", `${router.host}/team/app:2.0`);
        const list = await request(lab.hosted.origin, "GET", "/v2/team/app/tags/list", {
          headers: authorization,
        });
        expect(JSON.parse(list.body.toString())).toEqual({ name: "team/app", tags: ["2.0"] });
      }, 90_000);

      it("sends the password to hosted alone", () => {
        const shown = lab.cacheTap.seen.flatMap(({ rawHeaders }) =>
          rawHeaders.map((text) => text.toLowerCase()),
        );
        expect(shown).toContain("host");
        expect(shown).not.toContain("authorization");
      });
    });

    describe("of the client's (auth: passthrough)", () => {
      let router: Router;

      beforeAll(async () => {
        router = await startRouter("passthrough");
      }, 60_000);

      it("challenges with hosted's own challenge", async () => {
        const reply = await request(router.origin, "GET", "/v2/");
        expect(reply.status).toBe(401);
        expect(reply.headers["www-authenticate"]).toBe('Basic realm="upstream"');
        expect(reply.headers["docker-distribution-api-version"]).toBe("registry/2.0");
      });

      it("refuses docker login with a wrong password", async () => {
        const login = docker("login", "--username", user, "--password", "wrong", router.host);
        await expect(login).rejects.toThrow(/unauthorized|401/i);
      }, 60_000);

      it("lets docker log in, pull from both sides and push", async () => {
        await docker("login", "--username", user, "--password", password, router.host);
        await docker("pull", `${router.host}/library/tool:1.0`);
        await docker("pull", `${router.host}/acme/app@${published.manifest.digest}`);
        await docker("tag", `${router.host}/library/tool:1.0`, `${router.host}/team/tool:2.0`);
        await docker("push", `${router.host}/team/tool:2.0`);
        const pushed = await request(lab.hosted.origin, "GET", "/v2/team/tool/manifests/2.0", {
          headers: { ...authorization, Accept: acceptManifests },
        });
        expect(pushed.status).toBe(200);
      }, 90_000);

      it("never shows the client's password to the cache", () => {
        const shown = lab.cacheTap.seen.flatMap(({ rawHeaders }) =>
          rawHeaders.map((text) => text.toLowerCase()),
        );
        expect(shown).not.toContain("authorization");
      });
    });
  },
);
