import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DockerEngine } from "./docker-engine.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/**
 * Runs one command of a program.
 * @returns what it wrote to standard output
 * @throws Error with everything that it wrote, unless it exits with 0
 */
export type Client = (...args: readonly string[]) => Promise<string>;

/** `docker`, talking to an engine of our own and keeping its logins in `folder`. */
export function dockerClient(folder: string, { address }: DockerEngine): Client {
  const env = { ...plainEnvironment(folder), DOCKER_CONFIG: join(folder, "docker-config") };
  return (...args) => run("docker", ["--host", address, ...args], env);
}

/** `ctr`, the plain client of an engine's containerd. */
export function ctrClient(folder: string, { containerd }: DockerEngine): Client {
  return (...args) => run("ctr", ["--address", containerd, ...args], plainEnvironment(folder));
}

/** `skopeo`, over plain HTTP and without signature policy. */
export function skopeoClient(folder: string): Client {
  const env = { ...plainEnvironment(folder), REGISTRY_AUTH_FILE: join(folder, "skopeo-auth.json") };
  return (...args) => run("skopeo", ["--insecure-policy", ...args], env);
}

/** `podman`, with its images and settings in `folder` alone. */
export async function podmanClient(folder: string): Promise<Client> {
  const env = await containersEnvironment(folder);
  return (...args) => run("podman", args, env);
}

/** `buildah`, which builds what `podman` in the same folder finds. */
export async function buildahClient(folder: string): Promise<Client> {
  const env = await containersEnvironment(folder);
  return (...args) => run("buildah", args, env, { timeout: longest });
}

/** A build installs packages, and the machine may be busy. */
const longest = 300_000;

/** What keeps podman, buildah and what they make in `folder`. */
export async function containersEnvironment(folder: string): Promise<NodeJS.ProcessEnv> {
  const containers = join(folder, ".config", "containers");
  await mkdir(containers, { recursive: true });
  const settings = async (name: string, text: string) => {
    await writeFile(join(containers, name), text);
    return join(containers, name);
  };
  await settings("policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  return {
    ...plainEnvironment(folder),
    // podman wants this to be there as soon as it is named.
    REGISTRY_AUTH_FILE: await settings("auth.json", "{}"),
    CONTAINERS_REGISTRIES_CONF: await settings("registries.conf", ""),
    CONTAINERS_STORAGE_CONF: await settings(
      "storage.conf",
      table("storage", {
        driver: "vfs",
        graphroot: join(folder, "podman"),
        runroot: join(folder, "podman-run"),
      }),
    ),
    CONTAINERS_CONF: await settings(
      "containers.conf",
      table("engine", {
        cgroup_manager: "cgroupfs",
        events_logger: "none",
        tmp_dir: join(folder, "podman-tmp"),
      }),
    ),
  };
}

/**
 * Removes what podman and buildah have made in `folder` for a user who is not root: files of images belong to others, whom only
 * the user namespace can speak for, and a process of podman's holds that until it is told to end.
 */
export async function endUserNamespace(folder: string): Promise<void> {
  const made = ["podman", "podman-run", ".local/share/containers"].map((name) => join(folder, name));
  const podmanWasHere = made.some((path) => existsSync(path));
  if (podmanWasHere) {
    const podman = await podmanClient(folder);
    await podman("unshare", "rm", "-rf", ...made);
    await podman("system", "migrate");
  }
}

/** A table of TOML, whose strings are written as in JSON. */
function table(name: string, entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  return `[${name}]\n${lines.join("")}`;
}

function plainEnvironment(folder: string): NodeJS.ProcessEnv {
  return { PATH: searchPath, HOME: folder, XDG_RUNTIME_DIR: folder, TMPDIR: folder };
}
