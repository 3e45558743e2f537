import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DockerEngine } from "./docker-engine.ts";
import { searchPath } from "./programs.ts";
import { run } from "./run.ts";

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

/** `skopeo`, over plain HTTP and without signature policy. */
export function skopeoClient(folder: string): Client {
  const env = { ...plainEnvironment(folder), REGISTRY_AUTH_FILE: join(folder, "skopeo-auth.json") };
  return (...args) => run("skopeo", ["--insecure-policy", ...args], env);
}

/** `podman`, with its images and settings in `folder` alone. */
export async function podmanClient(folder: string): Promise<Client> {
  const containers = join(folder, ".config", "containers");
  await mkdir(containers, { recursive: true });
  await writeFile(
    join(containers, "policy.json"),
    JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
  );
  await writeFile(join(containers, "registries.conf"), "");
  const storage = { driver: "vfs", graphroot: join(folder, "podman"), runroot: join(folder, "podman-run") };
  await writeFile(
    join(containers, "storage.conf"),
    // Strings and tables of TOML, where JSON's strings are good.
    ["[storage]", ...Object.entries(storage).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)].join(
      "\n",
    ),
  );
  const logins = join(folder, "podman-auth.json");
  // podman wants the file to be there as soon as it is named.
  await writeFile(logins, "{}");
  const env = {
    ...plainEnvironment(folder),
    REGISTRY_AUTH_FILE: logins,
    CONTAINERS_REGISTRIES_CONF: join(containers, "registries.conf"),
    CONTAINERS_STORAGE_CONF: join(containers, "storage.conf"),
  };
  return (...args) => run("podman", ["--cgroup-manager", "cgroupfs", ...args], env);
}

function plainEnvironment(folder: string): NodeJS.ProcessEnv {
  return { PATH: searchPath, HOME: folder, XDG_RUNTIME_DIR: folder, TMPDIR: folder };
}
