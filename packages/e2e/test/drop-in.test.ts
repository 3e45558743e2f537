import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Client, dockerClient, podmanClient, skopeoClient } from "../src/clients.ts";
import { startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const user = "alice";
const password = "correct horse";
// openssl passwd -apr1 -salt e2eSalt1 'correct horse'
const htpasswd = `${user}:$apr1$e2eSalt1$5fHWOwdTUP4OP9Fs.ADC.0\n`;
const basic = (secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`,
});

describeE2E(
  "in place of the nginx router, by its environment alone",
  ["docker-registry", "docker", "dockerd", "skopeo", "podman"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let router: Router;
    let docker: Client;

    beforeAll(async () => {
      lab = await openLab(resources);
      const file = join(lab.folder, "htpasswd");
      await writeFile(file, htpasswd);
      const env = {
        HOSTED_HOSTNAME: new URL(lab.hostedTap.origin).host,
        PROXY_HOSTNAME: new URL(lab.cacheTap.origin).host,
        AGGREGATE_HOSTNAME: "registry.example.com",
        ENABLE_AUTH: "true",
        HTPASSWD_FILE: file,
      };
      router = resources.use(await startRouter({ env, folder: lab.folder }));
      docker = dockerClient(lab.folder, resources.use(await startDockerEngine(lab.folder)));
      await seed(lab.public.origin, "library/tool", "1.0", await image("public"));
      await seed(lab.hosted.origin, "acme/app", "1.0", await image("private"));
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    describe("the pages of the router itself", () => {
      it("tells the health of both sides without a password", async () => {
        const reply = await request(router.origin, "GET", "/healthcheck");
        expect(reply.status).toBe(200);
        expect(JSON.parse(reply.body.toString())).toMatchObject({ proxy: 200, hosted: 200 });
        expect(reply.body.toString()).toContain('"proxy":200');
        expect(reply.body.toString()).toContain('"hosted":200');
      });

      it("shows its metrics without a password", async () => {
        const reply = await request(router.origin, "GET", "/metrics");
        expect(reply.status).toBe(200);
        expect(reply.body.toString()).toMatch(/^combined_registry_http_requests_total/m);
      });
    });

    describe("a client without a password, or with a wrong one", () => {
      beforeEach(() => {
        lab.cacheTap.take();
        lab.hostedTap.take();
      });

      it.each([
        { who: "nobody", headers: {} },
        { who: "a wrong password", headers: basic("wrong") },
      ])("is challenged, and no upstream hears of it: $who", async ({ headers }) => {
        for (const target of [
          "/v2/",
          "/v2/acme/app/manifests/1.0",
          "/v2/_catalog",
          "/v2/acme/app/tags/list",
        ]) {
          const reply = await request(router.origin, "GET", target, { headers });
          expect(reply.status).toBe(401);
          expect(reply.headers["www-authenticate"]).toMatch(/^Basic realm="registry\.example\.com"/);
          expect(reply.headers["docker-distribution-api-version"]).toBe("registry/2.0");
          expect(JSON.parse(reply.body.toString())).toMatchObject({ errors: [{ code: "UNAUTHORIZED" }] });
        }
        expect([...lab.cacheTap.take(), ...lab.hostedTap.take()]).toEqual([]);
      });

      it("cannot log in with docker", async () => {
        const login = docker("login", "--username", user, "--password", "wrong", router.host);
        await expect(login).rejects.toThrow(/unauthorized|401/i);
      }, 60_000);

      it("cannot pull with docker", async () => {
        await expect(docker("pull", `${router.host}/acme/app:1.0`)).rejects.toThrow(
          /no basic auth credentials|unauthorized|authentication required/i,
        );
      }, 60_000);
    });

    describe("a client with the right password", () => {
      it("logs in, pulls from both sides and pushes with docker", async () => {
        await docker("login", "--username", user, "--password", password, router.host);
        await docker("pull", `${router.host}/library/tool:1.0`);
        await docker("pull", `${router.host}/acme/app:1.0`);
        await docker("tag", `${router.host}/library/tool:1.0`, `${router.host}/team/tool:2.0`);
        await docker("push", `${router.host}/team/tool:2.0`);
        const accept = { headers: { Accept: "*/*", ...basic(password) } };
        const list = await request(router.origin, "GET", "/v2/team/tool/tags/list", accept);
        expect(JSON.parse(list.body.toString())).toEqual({ name: "team/tool", tags: ["2.0"] });
      }, 90_000);

      it("logs in and reads with skopeo", async () => {
        const skopeo = skopeoClient(lab.folder);
        const secret = ["--username", user, "--password", password];
        await skopeo("login", "--tls-verify=false", ...secret, router.host);
        const name = `${router.host}/acme/app`;
        const listed = JSON.parse(await skopeo("list-tags", "--tls-verify=false", `docker://${name}`));
        expect(listed).toEqual({ Repository: name, Tags: ["1.0"] });
      }, 60_000);

      it("logs in and pulls with podman", async () => {
        const podman = await podmanClient(lab.folder);
        const secret = ["--username", user, "--password", password];
        await podman("login", "--tls-verify=false", ...secret, router.host);
        await podman("pull", "--tls-verify=false", `${router.host}/acme/app:1.0`);
        expect(await podman("images", "--quiet", `${router.host}/acme/app`)).not.toBe("");
      }, 60_000);
    });

    it("has shown the clients' Authorization to no upstream", () => {
      const seen = [...lab.cacheTap.seen, ...lab.hostedTap.seen];
      const methods = new Set(seen.map(({ method }) => method));
      expect([...methods]).toEqual(expect.arrayContaining(["GET", "HEAD", "POST", "PATCH", "PUT"]));
      const names = seen.flatMap(({ rawHeaders }) => rawHeaders.filter((_, index) => index % 2 === 0));
      expect(names.map((name) => name.toLowerCase())).not.toContain("authorization");
    });
  },
);
