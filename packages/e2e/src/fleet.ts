import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Balancer, routerNames, startBalancer } from "./balancer.ts";
import type { Lab } from "./lab.ts";
import { freePort, ownAddress } from "./loopback.ts";
import type { Resources } from "./resources.ts";
import { type Router, startRouter } from "./router.ts";

/** Two routers with one configuration, behind a real load balancer. */
export interface Fleet {
  readonly balancer: Balancer;
  /** One of them, past the balancer. */
  router(name: string): Router;
  /**
   * Ends one as a rolling upgrade does, and starts another one in its place.
   * @param out what to do when the balancer has taken it out, and it finishes what it has under way
   * @returns the exit code of the one that has ended
   */
  replace(name: string, out: () => Promise<void>): Promise<number | null>;
}

/** Starts them over a lab's registries. They end with `resources`. */
export async function startFleet(resources: Resources, lab: Lab, config: object = {}): Promise<Fleet> {
  const folder = await resources.folder();
  const file = join(folder, "combined-registry.json");
  const upstreams = { hosted: lab.hosted.origin, proxy: lab.cache.origin };
  await writeFile(
    file,
    JSON.stringify({ ...upstreams, trustProxy: ["127.0.0.0/8"], drain: { delay: 3_000 }, ...config }),
  );
  const started: Router[] = [];
  // All at once in the end: each takes the whole delay of its drain.
  resources.use({
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((router) => router[Symbol.asyncDispose]()));
    },
  });
  const start = async (host: string, port: number) => {
    const args = ["--config", file, "--host", host, "--port", String(port)];
    const router = await startRouter({ args, folder });
    started.push(router);
    return router;
  };
  const routers = new Map<string, Router>();
  for (const name of routerNames) {
    const address = ownAddress();
    routers.set(name, await start(address, await freePort(address)));
  }
  const router = (name: string) => {
    const found = routers.get(name);
    if (found === undefined) {
      throw new Error(`no router is called ${name}`);
    }
    return found;
  };
  const [router1, router2] = routerNames;
  const balancer = resources.use(
    await startBalancer(folder, { router1: router(router1).host, router2: router(router2).host }),
  );
  return {
    balancer,
    router,
    async replace(name, out) {
      const old = router(name);
      const { hostname, port } = new URL(old.origin);
      await Promise.all([balancer.says(name, "DOWN"), old.signal("SIGTERM")]);
      await out();
      const code = await old.ended();
      const [successor] = await Promise.all([start(hostname, Number(port)), balancer.says(name, "UP")]);
      routers.set(name, successor);
      return code;
    },
  };
}
