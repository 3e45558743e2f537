import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Daemon } from "../src/daemon.ts";
import { type DockerEngine, startDockerEngine } from "../src/docker-engine.ts";
import { request } from "../src/http.ts";
import { image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import { program } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";
import { seed } from "../src/seed.ts";

const page = await readFile(new URL("../../../docs/getting-started.md", import.meta.url), "utf8");

/** The block of a page's section that `begins` so, as it stands there. */
function block(language: string, begins: string): string {
  const blocks = [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(
    ([, text = ""]) => text,
  );
  const found = blocks.find((text) => text.startsWith(begins));
  if (found === undefined) {
    throw new Error(`docs/getting-started.md has no block that begins with ${begins}`);
  }
  return found;
}

// What the page has people type, typed in a shell. Ports are others, and images for registries are not to be had here.
describeE2E(
  "docs/getting-started.md, typed",
  ["docker-registry", "docker", "dockerd", "htpasswd", "openssl"],
  () => {
    const resources = new Resources();
    let lab: Lab;
    let engine: DockerEngine;
    let folder: string;
    let env: NodeJS.ProcessEnv;

    beforeAll(async () => {
      lab = await openLab(resources);
      engine = resources.use(await startDockerEngine(lab.folder));
      folder = lab.folder;
      const programs = join(folder, "bin");
      await mkdir(programs);
      await script(join(programs, "npx"), `shift; exec "${process.execPath}" "${program}" "$@"`);
      env = {
        PATH: `${programs}:${searchPath}`,
        HOME: folder,
        DOCKER_CONFIG: join(folder, "docker-config"),
        DOCKER_HOST: engine.address,
      };
    }, 90_000);

    afterAll(() => resources[Symbol.asyncDispose](), 60_000);

    async function script(file: string, text: string): Promise<void> {
      await writeFile(file, `#!/bin/sh\n${text}\n`);
      await chmod(file, 0o755);
    }

    const typed = (commands: string) => run("sh", ["-e", "-c", `cd ${folder}\n${commands}`], env);

    /** Starts a program of the page, on any port. */
    async function started(command: string): Promise<string> {
      const daemon = resources.use(
        await Daemon.start({
          label: command,
          program: "sh",
          args: ["-c", `exec ${command.trim()} --port 0`],
          env,
          folder,
        }),
      );
      return daemon.waitFor("its port", (line) => /(?:router|listening on) .*?:(\d+)/.exec(line)?.[1]);
    }

    const upstreams = (text: string) =>
      text
        .replaceAll("http://localhost:5001", lab.hosted.origin)
        .replaceAll("http://localhost:5002", lab.cache.origin);

    it("npm start is a demonstration, and docker pulls from it and pushes to it", async () => {
      expect(block("sh", "npm start")).toBe("npm start\n");
      const manifest: { scripts: { start: string } } = JSON.parse(
        await readFile(new URL("../../../package.json", import.meta.url), "utf8"),
      );
      expect(manifest.scripts.start).toBe("node scripts/run.mjs start");
      const port = await started("npx combined-registry --demo");

      const said = await typed(block("sh", "docker pull").replaceAll("localhost:5000", `localhost:${port}`));

      expect(said).toContain('{"name":"team/hello","tags":["1"]}');
    }, 90_000);

    it("the program stands before registries of one's own", async () => {
      const port = await started(upstreams(block("sh", "npx combined-registry --hosted")));

      expect((await request(`http://127.0.0.1:${port}`, "GET", "/v2/")).status).toBe(200);
    }, 30_000);

    it("check and explain say how it is, with the file", async () => {
      await seed(lab.public.origin, "library/nginx", "latest", await image("getting started"));
      await writeFile(join(folder, "combined-registry.yaml"), upstreams(block("yaml", "hosted:")));

      const said = await typed(block("sh", "npx combined-registry check"));

      expect(said).toMatch(/0 errors/);
      expect(said).toMatch(/pull +from proxy/);
    }, 60_000);

    it("docker logs in over TLS, with a user of the file", async () => {
      const [makeUser = "", serve = "", login = ""] = block("sh", "htpasswd").split("\n");
      await typed(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
      );
      await typed(`echo secret | ${makeUser.replace("-c", "-i -c")}`);
      const host = `localhost:${await started(upstreams(serve))}`;
      const certificates = join("/etc/docker/certs.d", host);
      await mkdir(certificates, { recursive: true });
      resources.use({ [Symbol.asyncDispose]: async () => void (await run("rm", ["-r", certificates], env)) });
      await run("cp", [join(folder, "cert.pem"), join(certificates, "ca.crt")], env);

      const said = await typed(
        `${login.replace("registry.example.com:5000", host)} --username alice --password secret`,
      );

      expect(said).toContain("Login Succeeded");
    }, 60_000);
  },
);

describe("the block of docs/getting-started.md that is not typed", () => {
  it("is the one with registries out of Docker Hub", () => {
    expect(block("sh", "docker run")).toContain("REGISTRY_PROXY_REMOTEURL=https://registry-1.docker.io");
  });
});
