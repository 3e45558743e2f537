import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { skopeoClient } from "../src/clients.ts";
import { type ComposeService, composeServices } from "../src/compose.ts";
import { Daemon } from "../src/daemon.ts";
import { type DockerRegistry, startDockerRegistry } from "../src/docker-registry.ts";
import { request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { drainTimeout, startRouter } from "../src/router.ts";
import { searchPath } from "../src/search-path.ts";
import { seed } from "../src/seed.ts";

const plain = ["docker-compose.yml"];
const withUsers = [...plain, "docker-compose.auth.yml"];
// htpasswd -nbBC 5 alice 'correct horse'
const htpasswd = "alice:$2y$05$VnsS88LE3YIi3sNDP891b.T2r4oSJmM23rzuASV8uAOBxWmx5vs8a\n";

describeE2E("the services of docker-compose.yml", ["docker-compose"], () => {
  it("are the router and its two registries", async () => {
    const { router, hosted, cache, ...others } = await composeServices(plain);

    expect(others).toEqual({});
    expect(router?.environment).toEqual({
      HOSTED_HOSTNAME: "hosted:5000",
      PROXY_HOSTNAME: "cache:5000",
      AGGREGATE_HOSTNAME: "localhost:5000",
      BASE: "hosted",
    });
    expect(hosted?.environment).not.toHaveProperty("REGISTRY_PROXY_REMOTEURL");
    expect(cache?.environment).toMatchObject({ REGISTRY_PROXY_REMOTEURL: "https://registry-1.docker.io" });
  }, 30_000);

  it("are reached from this machine alone, unless it is said otherwise", async () => {
    const plainly = await composeServices(plain);
    const opened = await composeServices(plain, { ADDRESS: "0.0.0.0", PORT: "443" });

    expect(plainly.router?.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:5000:5000/)]);
    expect(opened.router?.ports).toEqual([expect.stringMatching(/^0\.0\.0\.0:443:5000/)]);
  }, 30_000);

  it("build the image from this checkout", async () => {
    const { router } = await composeServices(plain);
    const { context = "", dockerfile = "" } = router?.build ?? {};

    expect(existsSync(join(context, dockerfile))).toBe(true);
  }, 30_000);

  it("let the router finish before they kill it", async () => {
    const { router } = await composeServices(plain);
    const grace = /^(?:(\d+)m)?(\d+)s$/.exec(router?.stop_grace_period ?? "");

    expect(Number(grace?.[1] ?? 0) * 60 + Number(grace?.[2])).toBeGreaterThan(await drainTimeout());
  }, 30_000);

  it("take the names of the nginx router over", async () => {
    const names = {
      HOSTED_HOSTNAME: "private.example.com",
      PROXY_HOSTNAME: "mirror.example.com",
      AGGREGATE_HOSTNAME: "registry.example.com",
    };

    const { router } = await composeServices(withUsers, { ...names, HTPASSWD_FILE: "/etc/users" });

    expect(router?.environment).toEqual({ ...names, BASE: "hosted", ENABLE_AUTH: "true" });
    expect(router?.volumes).toEqual(["/etc/users:/etc/nginx/htpasswd:ro"]);
  }, 30_000);
});

describeE2E(
  "with the environments of docker-compose.yml",
  ["docker-compose", "docker-registry", "skopeo"],
  () => {
    const resources = new Resources();
    let folder: string;
    let services: Readonly<Record<string, ComposeService>>;
    let hub: DockerRegistry;
    let hosted: string;
    let cache: string;

    beforeAll(async () => {
      folder = await resources.folder();
      hub = resources.use(await startDockerRegistry({ name: "hub", folder }));
      services = await composeServices(withUsers, { REMOTE_URL: hub.origin });
      hosted = await startService("hosted");
      cache = await startService("cache");
      await seed(hub.origin, "library/alpine", "latest", await image("public"));
    }, 60_000);

    afterAll(() => resources[Symbol.asyncDispose](), 30_000);

    /** Runs distribution with the configuration of its image, but for where it listens and writes. @returns its address */
    async function startService(name: string): Promise<string> {
      const inside = join(folder, name);
      await mkdir(inside);
      const ofImage = {
        version: "0.1",
        storage: { cache: { blobdescriptor: "inmemory" }, filesystem: { rootdirectory: inside } },
        http: { addr: "127.0.0.1:0", headers: { "X-Content-Type-Options": ["nosniff"] } },
      };
      await writeFile(join(folder, `${name}.json`), JSON.stringify(ofImage));
      const daemon = resources.use(
        await Daemon.start({
          label: name,
          program: "docker-registry",
          args: ["serve", join(folder, `${name}.json`)],
          env: { PATH: searchPath, ...services[name]?.environment },
        }),
      );
      return daemon.waitFor("its address", (line) => /listening on ([\d.]+:\d+)/.exec(line)?.[1]);
    }

    describe("a router over the two", () => {
      let host: string;
      let origin: string;

      beforeEach(async () => {
        // The image has the users where the service mounts them.
        const file = join(folder, "htpasswd");
        await writeFile(file, htpasswd);
        expect(services.router?.volumes?.[0]).toMatch(/:\/etc\/nginx\/htpasswd:ro$/);
        const env = { ...services.router?.environment, HTPASSWD_FILE: file };
        const here = Object.entries(env).map(([key, value]) => [
          key,
          value.replace(/^hosted:5000$/, hosted).replace(/^cache:5000$/, cache),
        ]);
        ({ host, origin } = resources.use(await startRouter({ env: Object.fromEntries(here), folder })));
      }, 30_000);

      it("does what the README says: pull from the cache, push, and delete", async () => {
        const skopeo = skopeoClient(folder);
        const creds = ["--src-creds=alice:correct horse", "--dest-creds=alice:correct horse"];
        const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        const pushed = `docker://${host}/team/alpine:latest`;

        await skopeo("copy", ...insecure, ...creds, `docker://${host}/library/alpine:latest`, pushed);

        const list = () => request(`http://${hosted}`, "GET", "/v2/team/alpine/tags/list");
        expect(JSON.parse((await list()).body.toString())).toEqual({ name: "team/alpine", tags: ["latest"] });
        await skopeo("delete", "--tls-verify=false", "--creds=alice:correct horse", pushed);
        expect(JSON.parse((await list()).body.toString())).toMatchObject({ tags: null });
        const refused = await request(origin, "GET", "/v2/");
        expect(refused.status).toBe(401);
        expect(refused.headers["www-authenticate"]).toContain('realm="localhost:5000"');
      }, 60_000);
    });
  },
);
