import { until } from "@combined-registry/deadline";
import { type DockerRegistry, startDockerRegistry } from "@combined-registry/e2e/docker-registry";
import { request } from "@combined-registry/e2e/http";
import { acceptManifests } from "@combined-registry/e2e/images";
import { freePort } from "@combined-registry/e2e/loopback";
import type { Resources } from "@combined-registry/e2e/resources";
import { eightAtOnce, type Images, seedBlobOf, seedImages } from "./content.ts";
import type { LoadGenerator } from "./load-generator.ts";
import { type Peer, startBareServer, startCombiners, startRouterPeer } from "./peers.ts";
import type { Sizes } from "./sizes.ts";

/** Everything that runs during a benchmark. */
export interface Lab {
  readonly sizes: Sizes;
  /** The program of another build of the router, which then is the only other peer. */
  readonly against: string | undefined;
  readonly folder: string;
  readonly publicOrigin: string;
  readonly cache: DockerRegistry;
  readonly hosted: DockerRegistry;
  /** What serves both registries at one address. */
  readonly combiners: readonly Peer[];
  /** The registry that has it, without anything in between. */
  readonly direct: { readonly cache: Peer; readonly hosted: Peer };
  readonly bare: Peer;
  /** Routers before the bare server. */
  readonly fewRules: Peer;
  readonly manyRules: Peer;
  readonly publicImages: Images;
  readonly privateImages: Images;
  /** A public blob that the cache has. */
  readonly blobPath: string;
}

/** Starts and fills it. All of it ends with `resources`. */
export async function openLab(
  resources: Resources,
  sizes: Sizes,
  generator: LoadGenerator,
  against?: string,
): Promise<Lab> {
  const folder = await resources.folder();
  const start = async (name: string, remote?: string) => {
    const options = { name, folder, quietPort: await freePort() };
    return resources.use(await startDockerRegistry(remote === undefined ? options : { ...options, remote }));
  };
  const publicRegistry = await start("public");
  const cache = await start("cache", publicRegistry.origin);
  const hosted = await start("hosted");
  const publicImages = await seedImages(publicRegistry.origin, "public", sizes.images);
  const privateImages = await seedImages(hosted.origin, "private", sizes.images);
  const blobPath = await seedBlobOf(sizes.blobMegabytes, publicRegistry.origin, generator);
  await fillCache(cache.origin, publicImages, blobPath);
  const bare = resources.use(await startBareServer(folder, publicImages.images));
  const overBare = async (name: "router, 1 rule" | "router, many rules", rules: number) =>
    resources.use(
      await startRouterPeer(name, folder, { cache: bare.origin, hosted: bare.origin }, rulesOf(rules)),
    );
  return {
    sizes,
    against,
    folder,
    publicOrigin: publicRegistry.origin,
    cache,
    hosted,
    combiners: await startCombiners(
      resources,
      folder,
      { cache: cache.origin, hosted: hosted.origin },
      against,
    ),
    direct: { cache: asPeer(cache), hosted: asPeer(hosted) },
    bare,
    fewRules: await overBare("router, 1 rule", 1),
    manyRules: await overBare("router, many rules", sizes.rules),
    publicImages,
    privateImages,
    blobPath,
  };
}

/** The registry, which ends by itself, as a peer. */
function asPeer({ origin, pid }: DockerRegistry): Peer {
  return { name: "direct", origin, pids: async () => [pid], [Symbol.asyncDispose]: async () => undefined };
}

/** All rules but the last are about other names. */
function rulesOf(count: number): object {
  const pull = ["proxy", "hosted"];
  const others = Array.from({ length: count - 1 }, (_, index) => ({ match: `team-${index}/**`, pull }));
  return { rules: [...others, { match: "**", pull }] };
}

/** A cache keeps a blob some time after it has served it: a range is answered from what it keeps only. */
async function fillCache(origin: string, { byTag }: Images, blobPath: string): Promise<void> {
  await eightAtOnce(byTag, (path) => request(origin, "GET", path, { headers: { Accept: acceptManifests } }));
  await request(origin, "GET", blobPath);
  await until("the cache to keep the large blob", 60_000, async () => {
    const { status } = await request(origin, "GET", blobPath, { headers: { Range: "bytes=0-0" } });
    return status === 206;
  });
}
