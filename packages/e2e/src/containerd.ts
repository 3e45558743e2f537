import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "./clients.ts";
import { Daemon } from "./daemon.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** A containerd of our own, beside any that the machine has. */
export interface Containerd extends AsyncDisposable {
  /** Runs `ctr` against it. */
  readonly ctr: Client;
}

/** Starts `containerd`, which touches nothing outside `folder`, and waits until it answers. */
export async function startContainerd(folder: string): Promise<Containerd> {
  const inside = (name: string) => join(folder, "containerd", name);
  const address = inside("sock");
  await mkdir(join(folder, "containerd"));
  await writeFile(
    inside("config.toml"),
    [
      "version = 2",
      `root = ${JSON.stringify(inside("root"))}`,
      `state = ${JSON.stringify(inside("state"))}`,
      // Kubernetes' interface listens on a port and wants networks.
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      "[grpc]",
      `address = ${JSON.stringify(address)}`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `path = ${JSON.stringify(inside("opt"))}`,
      "",
    ].join("\n"),
  );
  const env = { PATH: searchPath, HOME: folder };
  const ctr: Client = (...args) => run("ctr", ["--address", address, ...args], env);
  const args = ["--config", inside("config.toml")];
  const command = { label: "containerd", program: "containerd", args, env };
  const daemon = await Daemon.answering(command, () => ctr("version"));
  return { ctr, [Symbol.asyncDispose]: () => daemon.stop() };
}

/**
 * Writes the `hosts.toml` that makes the router the mirror of a registry.
 * @returns what `--hosts-dir` is to be
 */
export async function mirrorThrough(router: string, registry: string, folder: string): Promise<string> {
  const hosts = join(folder, "hosts.d");
  await mkdir(join(hosts, registry), { recursive: true });
  const table = [
    // Where containerd goes if the mirror has it not: nowhere.
    'server = "http://127.0.0.1:1"',
    `[host.${JSON.stringify(router)}]`,
    'capabilities = ["pull", "resolve"]',
    "",
  ];
  await writeFile(join(hosts, registry, "hosts.toml"), table.join("\n"));
  return hosts;
}
