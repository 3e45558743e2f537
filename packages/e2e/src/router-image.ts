import type { BaseImages } from "./base-images.ts";
import { checkout } from "./checkout.ts";
import { type Client, containersEnvironment } from "./clients.ts";
import { Daemon } from "./daemon.ts";

/**
 * Builds the router's image from this checkout.
 * @returns its name
 */
export async function buildRouterImage(buildah: Client, bases: BaseImages, tag: string): Promise<string> {
  const name = `localhost/${tag}`;
  await buildah(
    "build",
    "--isolation=chroot",
    // HEALTHCHECK is not in OCI's format.
    "--format=docker",
    "--no-cache",
    "--timestamp=0",
    `--build-arg=NODE_IMAGE=${bases.runtime}`,
    `--build-arg=BUILD_IMAGE=${bases.build}`,
    `--tag=${name}`,
    `--file=${checkout}packages/cli/Dockerfile`,
    checkout,
  );
  return name;
}

/** How to run the image. */
export interface ContainerOptions {
  readonly image: string;
  readonly name: string;
  /** Keeps podman's state. */
  readonly folder: string;
  /** Files of the host, by their path in the container. */
  readonly files: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Runs a container as strictly as an orchestrator would, on the host's network, until it ends or is stopped. */
export async function startContainer(options: ContainerOptions): Promise<Daemon> {
  const { image, name, folder, files, args = [] } = options;
  const volumes = Object.entries(files).map(([inside, file]) => `--volume=${file}:${inside}:ro`);
  const strict = [
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
  ];
  // The limits that podman sets by itself are beyond what a container in a container may have, and its timers need systemd.
  const plain = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--health-interval=disable"];
  return Daemon.start({
    label: `the container ${name}`,
    program: "podman",
    args: ["run", `--name=${name}`, "--network=host", ...strict, ...plain, ...volumes, image, ...args],
    env: await containersEnvironment(folder),
  });
}
