import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** A Docker engine of our own, beside any that the machine has. */
export interface DockerEngine extends AsyncDisposable {
  /** For `docker --host`. */
  readonly address: string;
  /** The socket of the containerd that it has started for itself. */
  readonly containerd: string;
}

/** Starts `dockerd`, which touches neither the network nor anything outside `folder`. */
export async function startDockerEngine(folder: string): Promise<DockerEngine> {
  await mkdir(join(folder, "docker"));
  const inside = (name: string) => join(folder, "docker", name);
  const address = `unix://${inside("sock")}`;
  const command = {
    label: "dockerd",
    program: "dockerd",
    args: [
      "--iptables=false",
      "--ip6tables=false",
      "--bridge=none",
      // Images are small here, and vfs works on every file system.
      "--storage-driver=vfs",
      `--host=${address}`,
      `--data-root=${inside("data")}`,
      `--exec-root=${inside("exec")}`,
      `--pidfile=${inside("pid")}`,
    ],
    env: { PATH: searchPath, HOME: folder },
  };
  const daemon = await Daemon.answering(command, () =>
    run("docker", ["--host", address, "version"], { PATH: searchPath }),
  );
  const containerd = inside("exec/containerd/containerd.sock");
  return { address, containerd, [Symbol.asyncDispose]: () => daemon.stop() };
}
