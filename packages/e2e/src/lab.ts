import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DockerRegistry, startDockerRegistry } from "./docker-registry.ts";
import type { Resources } from "./resources.ts";
import { type Router, startRouter } from "./router.ts";
import { startTap, type Tap } from "./tap.ts";

/** What the router stands between: three real registries, two of which are its upstreams and are listened in on. */
export interface Lab {
  readonly folder: string;
  readonly public: DockerRegistry;
  /** Pull-through cache of `public`. */
  readonly cache: DockerRegistry;
  readonly hosted: DockerRegistry;
  readonly cacheTap: Tap;
  readonly hostedTap: Tap;
  /** A router over the two taps, unless `config` says otherwise. It ends with the registries. */
  startRouter(config?: object): Promise<Router>;
}

/** How the lab may differ. */
export interface LabOptions {
  /** A file with hosted's own users. */
  readonly hostedHtpasswd?: string;
}

/** Starts the registries. They end with `resources`. */
export async function openLab(resources: Resources, { hostedHtpasswd }: LabOptions = {}): Promise<Lab> {
  const folder = await resources.folder();
  const start = async (name: string, more: { remote?: string; htpasswd?: string } = {}) =>
    resources.use(await startDockerRegistry({ name, folder, ...more }));
  const publicRegistry = await start("public");
  // A cache does not start before what it caches.
  const cache = await start("cache", { remote: publicRegistry.origin });
  const hosted = await start("hosted", hostedHtpasswd === undefined ? {} : { htpasswd: hostedHtpasswd });
  const cacheTap = resources.use(await startTap(cache.origin));
  const hostedTap = resources.use(await startTap(hosted.origin));
  let routers = 0;
  return {
    folder,
    public: publicRegistry,
    cache,
    hosted,
    cacheTap,
    hostedTap,
    async startRouter(config = {}) {
      const upstreams = { hosted: hostedTap.origin, proxy: cacheTap.origin };
      // Each its own: a router loads its file again when the file changes.
      const file = join(folder, `router-${++routers}.json`);
      await writeFile(file, JSON.stringify({ host: "127.0.0.1", ...upstreams, ...config }));
      return resources.use(await startRouter({ args: ["--config", file], folder }));
    },
  };
}
