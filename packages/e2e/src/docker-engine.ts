import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { until } from "./deadline.ts";
import { searchPath } from "./programs.ts";
import { run } from "./run.ts";

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
  const daemon = await Daemon.start({
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
  });
  try {
    await until("dockerd to answer", 30_000, () => answers(address, daemon));
    const containerd = inside("exec/containerd/containerd.sock");
    return { address, containerd, [Symbol.asyncDispose]: () => daemon.stop() };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

async function answers(address: string, daemon: Daemon): Promise<boolean> {
  if (daemon.exitCode !== null) {
    // Throws with what it printed; asking any longer would only hide that.
    await daemon.waitFor("its socket", () => undefined);
  }
  try {
    await run("docker", ["--host", address, "version"], { PATH: searchPath });
    return true;
  } catch {
    return false;
  }
}
