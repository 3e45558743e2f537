import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { type Folder, folderWith } from "./folder.ts";
import { startProgram } from "./program.ts";

/** Registries between which the built program is run. */
export interface Lab extends AsyncDisposable {
  readonly hosted: TestRegistry;
  readonly proxy: TestRegistry;
  readonly folder: Folder;
  /** Runs the program to its end, with a configuration file for the two. */
  run(argv: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ended>;
}

/** What a run left behind. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Starts a private registry and a cache of a public one. Both have team/app:1.2, with different images.
 * @param config what the configuration file has beside the two
 */
export async function openLab(config: object = {}, options: { hosted?: RegistryOptions } = {}): Promise<Lab> {
  const hub = await startRegistry();
  const proxy = await startRegistry({ upstream: hub.url });
  const hosted = await startRegistry(options.hosted);
  hub.addImage("team/app", { tag: "1.2", platforms: ["linux/amd64", "linux/arm64"] });
  hosted.addImage("team/app", { tag: "1.2" });
  hosted.addImage("corp/secret", { tag: "1" });
  const file = JSON.stringify({ hosted: hosted.url, proxy: proxy.url, ...config });
  const folder = await folderWith({ "combined-registry.json": file });
  return {
    hosted,
    proxy,
    folder,
    async run(argv, environment = {}) {
      await using program = startProgram(argv, { folder: folder.path, environment });
      return await program.ended();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([hub, proxy, hosted].map((registry) => registry.close()));
      await folder[Symbol.asyncDispose]();
    },
  };
}
