import { startRegistry } from "@combined-registry/testkit";

/** The registries of the demo, all in this process. */
export interface DemoRegistries {
  /** Where everybody's images are: `library/hello`. */
  readonly publicUrl: string;
  /** A pull-through cache of it. */
  readonly cacheUrl: string;
  /** The private registry, empty. */
  readonly hostedUrl: string;
  stop(): Promise<void>;
}

export async function startRegistries(): Promise<DemoRegistries> {
  const everybodys = await startRegistry();
  const cache = await startRegistry({ upstream: everybodys.url });
  const hosted = await startRegistry();
  everybodys.addImage("library/hello", { tag: "latest", platforms: ["linux/amd64", "linux/arm64"] });
  return {
    publicUrl: everybodys.url,
    cacheUrl: cache.url,
    hostedUrl: hosted.url,
    async stop() {
      await Promise.all([hosted.close(), cache.close(), everybodys.close()]);
    },
  };
}
