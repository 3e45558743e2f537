import { copyFile, cp, mkdir, realpath, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@combined-registry/deadline";
import { copyProgram } from "./abilities.ts";
import { type Client, podmanClient } from "./clients.ts";
import type { Resources } from "./resources.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** A container with Node, npm and a shell in it, and nothing else; its network is this machine's. */
export interface BareMachine {
  /** The home of its user, who is not root, as it is seen from here. */
  readonly home: string;
  /** Begins a command in a folder of that home. */
  begin(folder: string, command: string): Promise<Begun>;
}

/** A command that was begun. */
export interface Begun {
  /** All that it has printed, once that has something in it. @throws Error with it, if it ends without */
  printed(text: string): Promise<string>;
  /** Waits for its end. @returns its exit code */
  ended(): Promise<number>;
}

/** The one that Node 20 brings. */
const npm = "npm@10.8.2";
const patience = 300_000;
const user = "1000:1000";
const certificates = "/etc/ssl/certs/ca-certificates.crt";
const workspace = fileURLToPath(new URL("../../../", import.meta.url));
const notCloned = /^(node_modules|dist|coverage|bench-results|\.git)$|\.(tsbuildinfo|tgz)$/;

/** Makes one. It ends with `resources`. */
export async function startBareMachine(resources: Resources): Promise<BareMachine> {
  const folder = await resources.folder();
  const root = join(folder, "root");
  await fill(root);
  const podman = await podmanClient(folder);
  const registry = (await run("npm", ["config", "get", "registry"], process.env)).trim();
  const settings = {
    HOME: "/home/user",
    NODE_EXTRA_CA_CERTS: certificates,
    npm_config_registry: registry,
    CI: "true",
  };
  const environment = Object.entries(settings).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  // podman would raise them above what this machine may have.
  const limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"];
  return {
    home: join(root, "home/user"),
    async begin(where, command) {
      // What was put there from outside is the user's, as if the user had.
      await run("chown", ["-R", user, join(root, "home/user")], { PATH: searchPath });
      const place = ["--network", "host", "--user", user, "--workdir", join("/home/user", where)];
      const program = ["--rootfs", root, "sh", "-c", `${command} 2>&1`];
      const started = await podman("run", "--detach", ...place, ...limits, ...environment, ...program);
      const container = started.trim();
      resources.use({
        async [Symbol.asyncDispose]() {
          await podman("rm", "--force", "--time", "2", container);
        },
      });
      return begun(podman, container, command);
    },
  };
}

function begun(podman: Client, container: string, command: string): Begun {
  const exitCode = async () => {
    const state = await podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container);
    return /^exited (\d+)/.exec(state)?.[1];
  };
  return {
    async printed(text) {
      let all = "";
      await until(`"${text}" from ${command}`, patience, async () => {
        const code = await exitCode();
        all = await podman("logs", container);
        if (code !== undefined && !all.includes(text)) {
          throw new Error(`${command}: ended with ${code}\n${all}`);
        }
        return all.includes(text);
      });
      return all;
    },
    async ended() {
      let code: string | undefined;
      await until(`${command} to end`, patience, async () => {
        code = await exitCode();
        return code !== undefined;
      });
      return Number(code);
    },
  };
}

/** What is checked out of the repository, without what is made from it. */
export async function cloneInto(folder: string): Promise<void> {
  await cp(workspace, folder, { recursive: true, filter: (path) => !notCloned.test(basename(path)) });
}

async function fill(root: string): Promise<void> {
  const programs = { "usr/bin/node": process.execPath, "bin/sh": "/bin/sh", "usr/bin/env": "/usr/bin/env" };
  for (const [path, program] of Object.entries(programs)) {
    await copyProgram(program, root, path);
  }
  for (const folder of ["tmp", "home/user"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await run("chmod", ["1777", join(root, "tmp")], { PATH: searchPath });
  // A machine may have to trust more than Node knows of.
  await copy(certificates, join(root, certificates)).catch(() => writeEmpty(join(root, certificates)));
  await run("npm", ["install", "--global", "--prefix", join(root, "usr"), npm], process.env);
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(await realpath(from), to);
}

async function writeEmpty(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
}
