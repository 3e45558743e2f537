import { dockerClient, podmanClient, skopeoClient } from "./clients.ts";
import { startContainerd } from "./containerd.ts";
import { startDockerEngine } from "./docker-engine.ts";
import type { Need } from "./programs.ts";
import type { Resources } from "./resources.ts";

/** A client that can pull an image and push it on, over plain HTTP. */
export interface ImageClient {
  pull(reference: string): Promise<unknown>;
  /** Pulls an image and pushes it under another name. */
  copy(from: string, to: string): Promise<unknown>;
}

/** A kind of client: what it needs, and how one is opened. */
export interface ClientKind {
  readonly name: string;
  readonly needs: readonly Need[];
  open(resources: Resources): Promise<ImageClient>;
}

/** The clients that most people have. */
export const clientKinds: readonly ClientKind[] = [
  {
    name: "skopeo",
    needs: ["skopeo"],
    async open(resources) {
      const folder = await resources.folder();
      const skopeo = skopeoClient(folder);
      const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      const copy = (from: string, to: string) => skopeo("copy", ...insecure, `docker://${from}`, to);
      return {
        pull: (reference) => copy(reference, `oci:${folder}/pulled:latest`),
        copy: (from, to) => copy(from, `docker://${to}`),
      };
    },
  },
  {
    name: "podman",
    needs: ["podman"],
    async open(resources) {
      const podman = await podmanClient(await resources.folder());
      const pull = (reference: string) => podman("pull", "--tls-verify=false", reference);
      return {
        pull,
        async copy(from, to) {
          await pull(from);
          await podman("tag", from, to);
          await podman("push", "--tls-verify=false", to);
        },
      };
    },
  },
  {
    name: "docker",
    needs: ["docker", "dockerd"],
    async open(resources) {
      const folder = await resources.folder();
      const docker = dockerClient(folder, resources.use(await startDockerEngine(folder)));
      return {
        pull: (reference) => docker("pull", reference),
        async copy(from, to) {
          await docker("pull", from);
          await docker("tag", from, to);
          await docker("push", to);
        },
      };
    },
  },
  {
    name: "ctr",
    needs: ["containerd", "ctr"],
    async open(resources) {
      const { ctr } = resources.use(await startContainerd(await resources.folder()));
      const pull = (reference: string) =>
        ctr(
          "images",
          "pull",
          "--plain-http",
          "--snapshotter",
          "native",
          "--platform",
          "linux/amd64",
          reference,
        );
      return {
        pull,
        async copy(from, to) {
          await pull(from);
          await ctr("images", "tag", from, to);
          await ctr("images", "push", "--plain-http", "--platform", "linux/amd64", to);
        },
      };
    },
  },
];
