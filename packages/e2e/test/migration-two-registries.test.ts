import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { within } from "@combined-registry/deadline";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { type Client, skopeoClient } from "../src/clients.ts";
import { placed, type RunningServices, runServices } from "../src/compose-run.ts";
import { commandsIn } from "../src/doc-commands.ts";
import { readPage } from "../src/doc-pages.ts";
import { startDockerRegistry } from "../src/docker-registry.ts";
import { acceptManifests, image } from "../src/images.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { program } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";
import { seed } from "../src/seed.ts";

// The files of docs/migration-from-two-registries.md, one after the other over the same volumes. docker-compose reads the compose
// files; their services run as processes (see compose-run.ts), with a local registry in the place of Docker Hub. Only host names,
// ports and folders are others.
const page = readPage("docs/migration-from-two-registries.md");
const mark =
  /<!-- run by packages\/e2e\/test\/migration-two-registries\.test\.ts as ([\w ]+) -->\n```\w+\n(.*?)```/gs;
const files = new Map([...page.matchAll(mark)].map(([, name = "", content = ""]) => [name, content]));

function fileOf(name: string): string {
  const content = files.get(name);
  if (content === undefined) {
    throw new Error(`the page has no file that is marked as ${name}`);
  }
  return content;
}

// htpasswd -nbBC 5 alice 'correct horse'
const htpasswd = "alice:$2y$05$VnsS88LE3YIi3sNDP891b.T2r4oSJmM23rzuASV8uAOBxWmx5vs8a\n";
const alice = "alice:correct horse";
const pushing = "application/vnd.oci.image.manifest.v1+json, */*";

it("each file of the page is run", () => {
  expect([...page.matchAll(/```(?:yaml|nginx)/g)]).toHaveLength(files.size);
  expect([...files.keys()].sort()).toEqual(
    [
      ...["names nginx", "names router", "new compose", "new router", "old compose", "old nginx"],
      ...["tls nginx", "tls router", "users compose"],
    ].sort(),
  );
});

describeE2E(
  "docs/migration-from-two-registries.md",
  ["docker-compose", "docker-registry", "nginx", "skopeo", "openssl"],
  () => {
    const resources = new Resources();
    let folder: string;
    let hub: string;
    let skopeo: Client;

    beforeAll(async () => {
      folder = await resources.folder();
      hub = resources.use(await startDockerRegistry({ name: "hub", folder })).origin;
      skopeo = skopeoClient(folder);
      await seed(hub, "library/alpine", "latest", await image("alpine"));
      await seed(hub, "bitnami/redis", "7", await image("redis"));
      await mkdir(join(folder, "certs"));
      await typed(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout certs/registry.key -out certs/registry.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
      );
      await mkdir(join(folder, "trusted"));
      await copyFile(join(folder, "certs/registry.pem"), join(folder, "trusted/ca.crt"));
      await writeFile(join(folder, "htpasswd"), htpasswd);
    }, 60_000);

    afterAll(() => resources[Symbol.asyncDispose](), 30_000);

    const typed = (command: string) =>
      run("sh", ["-e", "-c", command], { PATH: searchPath, HOME: folder }, { folder });

    /** Writes files, and runs the services of a compose file. */
    async function up(compose: string, written: Readonly<Record<string, string>>): Promise<RunningServices> {
      for (const [name, content] of Object.entries(written)) {
        await writeFile(join(folder, name), content);
      }
      const places = {
        "https://registry-1.docker.io": hub,
        "private.example.com": "127.0.0.1",
        "mirror.example.com": "localhost",
        "172.16.0.0/12": "127.0.0.0/8",
      };
      return await runServices({ folder, files: [compose], places });
    }

    const upOld = () =>
      up("docker-compose.yml", {
        "docker-compose.yml": fileOf("old compose"),
        "nginx.conf": fileOf("old nginx"),
      });
    const upNew = () =>
      up("docker-compose.new.yml", {
        "docker-compose.new.yml": fileOf("new compose"),
        "combined-registry.yaml": fileOf("new router"),
      });

    const trusted = (side: "src" | "dest") => `--${side}-cert-dir=${join(folder, "trusted")}`;
    const access = (side: "src" | "dest", user: string) =>
      user === "" ? [trusted(side), `--${side}-no-creds`] : [trusted(side), `--${side}-creds=${user}`];

    /** Pulls an image with all that is in it. @returns the digest of its manifest */
    async function pull(name: string, user = alice): Promise<string> {
      const place = join(folder, "pulled");
      await rm(place, { recursive: true, force: true });
      await skopeo("copy", ...access("src", user), `docker://${name}`, `dir:${place}`);
      const manifest = await readFile(join(place, "manifest.json"));
      return `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    }

    const push = (from: string, to: string, user = alice) =>
      skopeo("copy", ...access("src", user), ...access("dest", user), `docker://${from}`, `docker://${to}`);

    async function tags(origin: string, repository: string): Promise<string[]> {
      const answer = await fetch(`${origin}/v2/${repository}/tags/list`);
      const { tags: all }: { tags: string[] } = JSON.parse(await answer.text());
      return all.sort();
    }

    interface Said {
      readonly status: number;
      readonly body: string;
    }

    /** A request over TLS with any name in `Host`. */
    async function ask(port: number, method: string, path: string, headers = {}): Promise<Said> {
      const basic = `Basic ${Buffer.from(alice).toString("base64")}`;
      return await within(
        `${method} ${path}`,
        20_000,
        new Promise<Said>((resolve, reject) => {
          const options = { host: "127.0.0.1", port, method, path, rejectUnauthorized: false, agent: false };
          httpsRequest({ ...options, headers: { Authorization: basic, ...headers } }, (answer) => {
            text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
          })
            .once("error", reject)
            .end();
        }),
      );
    }

    /** Runs a command of the page that compose would run in the router's container. */
    async function inContainer(command: string, file: string): Promise<string> {
      const [, args = ""] = /run --rm router (.*)/.exec(command) ?? [];
      return await run(
        process.execPath,
        [program, ...args.split(" "), "--config", file],
        { PATH: searchPath },
        { folder },
      );
    }

    it("the container can read the key, by the commands of the page", async () => {
      const commands = commandsIn(page).filter((command) => /^ch(?:grp|mod) /.test(command));
      const [group] = (await typed("id -g")).split("\n");

      expect(commands).toHaveLength(2);
      // Only root may give a file to a group of which it is no member.
      await typed(placed(commands.join("\n"), { "65532": group ?? "" }));
      expect(await typed("stat -c %a certs/registry.key")).toBe("640\n");
    }, 30_000);

    it("old files, new files and old files again serve the same images, and pushes arrive", async () => {
      let before: string[];
      let team: string;
      {
        await using old = await upOld();
        const host = `localhost:${old.port}`;
        await push(`${host}/library/alpine:latest`, `${host}/team/app:1.0`);
        before = [await pull(`${host}/library/alpine:latest`), await pull(`${host}/bitnami/redis:7`)];
        team = await pull(`${host}/team/app:1.0`);
        await expect(pull(`${host}/team/app:1.0`, "alice:wrong")).rejects.toThrow(/unauthorized|401/i);
        // The fall-through tells a client that pushes that the image is there already.
        const head = await ask(old.port, "HEAD", "/v2/bitnami/redis/manifests/7", { Accept: pushing });
        expect(head.status).toBe(200);
      }
      {
        await using now = await upNew();
        const host = `localhost:${now.port}`;
        const commands = commandsIn(page).filter((command) => command.includes("run --rm router"));
        const [check = "", ...explain] = commands;
        const report = await inContainer(check, now.routerFile);
        expect(report).toContain("0 errors");
        expect(explain).toHaveLength(2);
        expect(await inContainer(explain[0] ?? "", now.routerFile)).toMatch(/pull +from dockerhub/);
        expect(await inContainer(explain[1] ?? "", now.routerFile)).toMatch(/pull +from hosted/);

        expect([await pull(`${host}/library/alpine:latest`), await pull(`${host}/bitnami/redis:7`)]).toEqual(
          before,
        );
        expect(await pull(`${host}/team/app:1.0`)).toBe(team);
        await push(`${host}/bitnami/redis:7`, `${host}/team/app:2.0`);
        expect(await tags(now.registry("private"), "team/app")).toEqual(["1.0", "2.0"]);

        await expect(pull(`${host}/team/app:1.0`, "alice:wrong")).rejects.toThrow(/unauthorized|401/i);
        const refused = await ask(now.port, "POST", "/v2/library/alpine/blobs/uploads/");
        expect(refused).toEqual({ status: 403, body: expect.stringMatching(/DENIED.*rules\[0\]/) });
        const head = await ask(now.port, "HEAD", "/v2/bitnami/redis/manifests/7", { Accept: pushing });
        expect(head.status).toBe(404);
      }
      await using again = await upOld();
      const host = `localhost:${again.port}`;
      expect(await pull(`${host}/team/app:1.0`)).toBe(team);
      expect(await pull(`${host}/team/app:2.0`)).toBe(before[1]);
    }, 120_000);

    it("private images can be pulled while the mirror is down, and no tag falls upward while the private registry is", async () => {
      await using now = await upNew();
      const host = `localhost:${now.port}`;
      await push(`${host}/library/alpine:latest`, `${host}/team/down:1.0`);
      await pull(`${host}/bitnami/redis:7`);

      await now.stop("mirror");
      expect((await ask(now.port, "GET", "/v2/")).status).toBe(200);
      await pull(`${host}/team/down:1.0`);

      await now.stop("private");
      for (const path of ["team/down/manifests/1.0", "bitnami/redis/manifests/7"]) {
        const failed = await ask(now.port, "GET", `/v2/${path}`, { Accept: acceptManifests });
        expect(failed).toEqual({ status: 502, body: expect.stringContaining("hosted") });
      }
    }, 60_000);

    it("a name that the private registry is not asked for can be pulled while it is down", async () => {
      await using now = await upNew();
      await now.stop("private");

      const asked = { Accept: acceptManifests };
      const last = await ask(now.port, "GET", "/v2/bitnami/redis/manifests/7", asked);
      const first = await ask(now.port, "GET", "/v2/library/alpine/manifests/latest", asked);

      // The rule for library/ does not ask the private registry.
      expect([last.status, first.status]).toEqual([502, 200]);
    }, 60_000);

    it("nginx stays for TLS", async () => {
      const compose = parse(fileOf("new compose"));
      const { nginx } = parse(fileOf("old compose")).services;
      const kept = nginx.volumes.filter((volume: string) => !volume.includes("htpasswd"));
      const { ports: _, ...router } = compose.services.router;
      const services = { ...compose.services, router, nginx: { ...nginx, volumes: kept } };
      await using both = await up("docker-compose.new.yml", {
        "docker-compose.new.yml": stringify({ ...compose, services }),
        "nginx.conf": fileOf("tls nginx"),
        "combined-registry.yaml": fileOf("tls router"),
      });
      const host = `localhost:${both.port}`;

      await pull(`${host}/library/alpine:latest`);
      await push(`${host}/bitnami/redis:7`, `${host}/team/tls:1.0`);

      expect(await tags(both.registry("private"), "team/tls")).toEqual(["1.0"]);
      await expect(pull(`${host}/team/tls:1.0`, "alice:wrong")).rejects.toThrow(/unauthorized|401/i);
      expect(await inContainer("run --rm router check", both.routerFile)).toContain("0 errors");
    }, 120_000);

    it("two names go on to mean one registry each, and a third means both", async () => {
      const written = {
        "docker-compose.yml": fileOf("old compose"),
        "nginx.conf": fileOf("names nginx"),
        "docker-compose.new.yml": fileOf("new compose"),
        "combined-registry.yaml": fileOf("names router"),
      };
      const images = async ({ port }: RunningServices) => [
        await pull(`127.0.0.1:${port}/team/names:1.0`),
        await pull(`localhost:${port}/library/alpine:latest`, ""),
      ];
      let before: string[];
      {
        await using old = await up("docker-compose.yml", written);
        await push(`localhost:${old.port}/library/alpine:latest`, `127.0.0.1:${old.port}/team/names:1.0`);
        before = await images(old);
        await expect(pull(`127.0.0.1:${old.port}/team/names:1.0`, "")).rejects.toThrow(/unauthorized|401/i);
      }
      await using now = await up("docker-compose.new.yml", written);

      expect(await images(now)).toEqual(before);
      await expect(pull(`127.0.0.1:${now.port}/team/names:1.0`, "")).rejects.toThrow(/unauthorized|401/i);
      await expect(pull(`localhost:${now.port}/team/names:1.0`)).rejects.toThrow(/unknown/i);
      await push(`localhost:${now.port}/library/alpine:latest`, `127.0.0.1:${now.port}/team/names:2.0`);
      expect(await tags(now.registry("private"), "team/names")).toEqual(["1.0", "2.0"]);
      const both = { Host: "registry.example.com", Accept: acceptManifests };
      for (const path of ["/v2/team/names/manifests/2.0", "/v2/library/alpine/manifests/latest"]) {
        expect((await ask(now.port, "GET", path, both)).status).toBe(200);
      }
      expect(await inContainer("run --rm router check", now.routerFile)).toContain("0 errors");
    }, 120_000);

    it("users of the private registry are the router's afterwards", async () => {
      const compose = parse(fileOf("old compose"));
      const services = { ...compose.services, ...parse(fileOf("users compose")).services };
      const open = fileOf("old nginx").replace(/^ *auth_basic.*\n/gm, "");
      {
        await using old = await up("docker-compose.yml", {
          "docker-compose.yml": stringify({ ...compose, services }),
          "nginx.conf": open,
        });
        await push(`localhost:${old.port}/library/alpine:latest`, `localhost:${old.port}/team/users:1.0`);
        await expect(pull(`localhost:${old.port}/team/users:1.0`, "alice:wrong")).rejects.toThrow(
          /unauthorized|401/i,
        );
      }
      await using now = await upNew();

      await pull(`localhost:${now.port}/team/users:1.0`);
      await expect(pull(`localhost:${now.port}/team/users:1.0`, "alice:wrong")).rejects.toThrow(
        /unauthorized|401/i,
      );
    }, 120_000);
  },
);

describe("what compose is told", () => {
  it("keeps both registries as they are, but for nginx", () => {
    const old = parse(fileOf("old compose"));
    const now = parse(fileOf("new compose"));

    expect(now.volumes).toEqual(old.volumes);
    const { nginx: _, ...registries } = old.services;
    const { router: __, ...others } = now.services;
    expect(others).toEqual(registries);
  });

  it("gives the router each file that its configuration names, where its image looks for them", () => {
    const { router } = parse(fileOf("new compose")).services;
    const named = [...fileOf("new router").matchAll(/File: \.\/([\w-]+)/g)].map(([, name = ""]) => name);
    const bound = [...new Set(["combined-registry.yaml", ...named])];

    expect(router.volumes).toEqual(bound.map((name) => `./${name}:/etc/combined-registry/${name}:ro`));
  });
});
