import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { until } from "@combined-registry/deadline";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeBaseImages } from "../src/base-images.ts";
import { buildahClient, type Client, podmanClient, skopeoClient } from "../src/clients.ts";
import type { Daemon } from "../src/daemon.ts";
import { exchange, request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { freePort } from "../src/loopback.ts";
import { uidSeenFromHere } from "../src/processes.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { buildRouterImage, startContainer } from "../src/router-image.ts";
import { openSession, seed } from "../src/seed.ts";

const megabyte = 1_000_000;
const user = "alice";
const password = "correct horse";
// htpasswd -nbBC 5 alice 'correct horse': bcrypt is the one native module.
const htpasswd = `${user}:$2y$05$0BCfT70eGQtu8YeyzKvAWO6A43pnEErIRE85YLBsfPWPOH7oEFnLW\n`;
const credentials = { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };

describeE2E("the container image", ["buildah", "podman run", "skopeo", "docker-registry"], () => {
  const resources = new Resources();
  let lab: Lab;
  let buildah: Client;
  let podman: Client;
  let bases: { readonly runtime: string; readonly build: string };
  let name: string;

  beforeAll(async () => {
    lab = await openLab(resources);
    buildah = await buildahClient(lab.folder);
    podman = await podmanClient(lab.folder);
    bases = await makeBaseImages(buildah, lab.folder);
    name = await buildRouterImage(buildah, bases, "combined-registry");
  }, 400_000);

  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  const inspect = async (what: string, format: string) =>
    (await podman("image", "inspect", `--format=${format}`, what)).trim();

  it("adds less than 15 MB to its base", async () => {
    const [whole, base] = await Promise.all([name, bases.runtime].map((each) => inspect(each, "{{.Size}}")));
    const added = Number(whole) - Number(base);
    expect(added).toBeGreaterThan(megabyte);
    expect(added).toBeLessThan(15 * megabyte);
  });

  it("says what it is, and runs as nobody in particular", async () => {
    const labels = JSON.parse(await inspect(name, "{{json .Labels}}"));
    const { version } = JSON.parse(
      await readFile(new URL("../../cli/package.json", import.meta.url), "utf8"),
    );
    expect(labels).toMatchObject({
      "org.opencontainers.image.title": "combined-registry",
      "org.opencontainers.image.version": version,
    });
    expect(await inspect(name, "{{.User}}")).toBe("65532:65532");
  });

  it("has the same layers, to the byte, when it is built again", async () => {
    const layers = (each: string) => inspect(each, "{{json .RootFS.Layers}}");
    const again = await buildRouterImage(buildah, bases, "combined-registry-again");
    expect(await layers(again)).toBe(await layers(name));
  }, 320_000);

  describe("run with a read-only file system and no capabilities", () => {
    let container: Daemon;
    let host: string;
    let origin: string;

    beforeAll(async () => {
      const port = await freePort();
      host = `127.0.0.1:${port}`;
      origin = `http://${host}`;
      const config = {
        host: "127.0.0.1",
        port,
        hosted: lab.hosted.origin,
        proxy: lab.cache.origin,
        auth: { htpasswdFile: "htpasswd" },
      };
      const file = async (base: string, text: string) => {
        await writeFile(join(lab.folder, base), text);
        return join(lab.folder, base);
      };
      container = resources.use(
        await startContainer({
          image: name,
          name: "router",
          folder: lab.folder,
          files: {
            "/etc/combined-registry/combined-registry.json": await file(
              "router.json",
              JSON.stringify(config),
            ),
            "/etc/combined-registry/htpasswd": await file("htpasswd", htpasswd),
          },
        }),
      );
      await container.waitFor("listening", (line) => line.includes("listening on") || undefined);
      await seed(lab.public.origin, "library/tool", "1.0", await image("public"));
    }, 60_000);

    it("is healthy by its own word", async () => {
      await podman("healthcheck", "run", "router");
    }, 30_000);

    it("is the first process, not root, and cannot become it", async () => {
      const pid = Number(await podman("inspect", "--format={{.State.Pid}}", "router"));
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      expect(status).toMatch(/^Name:\tnode$/m);
      expect(status).toMatch(/^NSpid:.*\t1$/m);
      const uid = await uidSeenFromHere(pid, 65532);
      expect(status).toContain(`\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
      expect(uid).toBeGreaterThan(0);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
    });

    it("pulls and pushes with a password", async () => {
      const skopeo = skopeoClient(lab.folder);
      const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      const creds = [`--src-creds=${user}:${password}`, `--dest-creds=${user}:${password}`];
      const from = `docker://${host}/library/tool:1.0`;
      await skopeo("copy", ...plain, ...creds, from, `docker://${host}/team/tool:2.0`);
      const list = await request(lab.hosted.origin, "GET", "/v2/team/tool/tags/list");
      expect(JSON.parse(list.body.toString())).toEqual({ name: "team/tool", tags: ["2.0"] });
      expect((await request(origin, "GET", "/v2/")).status).toBe(401);
    }, 60_000);

    it("finishes a push under way when it is told to stop, and ends with 0", async () => {
      const session = await openSession(origin, "team/app", credentials);
      const body = new PassThrough();
      body.write("half");
      const headers = { ...credentials, "Content-Type": "application/octet-stream" };
      const pushed = exchange(origin, session, { method: "PATCH", headers }, body);
      await until("the push to be under way", 10_000, async () =>
        /^combined_registry_open_connections [2-9]/m.test(
          (await request(origin, "GET", "/metrics")).body.toString(),
        ),
      );
      await podman("kill", "--signal=TERM", "router");
      await until("the router to take no connections", 10_000, () =>
        request(origin, "GET", "/livez").then(
          () => false,
          () => true,
        ),
      );
      body.end("done");
      expect((await pushed).statusCode).toBe(202);
      expect(await container.ended()).toBe(0);
    }, 90_000);
  });
});
