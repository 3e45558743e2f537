import { isatty } from "node:tty";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { refusal } from "../config/check.ts";
import { applyOverrides, type Overrides } from "../config/overrides.ts";
import { parseOwn } from "../config/own-schema.ts";
import { addHelloImage } from "../demo/hello-image.ts";
import { thingsToTry, tour } from "../demo/tour.ts";
import { createLog, formatted } from "../logging.ts";
import type { Progress } from "../report/progress.ts";
import { table } from "../report/table.ts";
import { listen } from "../server.ts";
import { onStop } from "../signals.ts";

export interface DemoOptions {
  /** `--port`, if given. */
  readonly flags: Overrides;
  /** Exit when everything has been shown. */
  readonly once: boolean;
}

interface Audience {
  readonly print: (text: string) => void;
  /** Resolves when nobody reads what is printed any more. */
  readonly readerGone: Promise<void>;
  readonly progress: Progress;
}

// Only this machine can connect, because the demo allows pushes without a password.
const host = "127.0.0.1";

/**
 * Shows the router with registries in this process.
 * @throws Failure if the port cannot be had, or if a response is not as expected
 */
export async function demo({ flags, once }: DemoOptions, audience: Audience): Promise<void> {
  const { own, problems } = parseOwn(applyOverrides({}, flags));
  if (own === undefined) {
    throw refusal(problems, { file: undefined, overrides: flags });
  }
  const registries = await audience.progress.during("starting registries", startRegistries());
  try {
    await show(registries, own.port, once, audience);
  } finally {
    await registries.stop();
  }
}

async function show(
  { publicUrl, cacheUrl, hostedUrl }: DemoRegistries,
  port: number,
  once: boolean,
  { print, readerGone, progress }: Audience,
): Promise<void> {
  const handler = createCombinedRegistryHandler({
    hosted: hostedUrl,
    proxy: cacheUrl,
    logger: createLog("warn", await formatted(process.stderr, "auto", isatty(2))),
  });
  const server = await listen(handler, { host, port, tls: undefined });
  try {
    print(
      `Started in this process:\n${table([
        ["router", server.url, "the one address"],
        ["proxy", cacheUrl, "a pull-through cache of the public registry"],
        ["hosted", hostedUrl, "the private registry, for pushes"],
        ["public", publicUrl, "what the cache pulls from; has library/hello for amd64 and arm64"],
      ])}\n\n`,
    );
    await tour(server.url, print, progress);
    if (!once) {
      const stop = onStop();
      print(`Try it:\n${thingsToTry(server.address.port)}\n\nCtrl-C ends it.\n`);
      await Promise.race([stop, readerGone]);
    }
  } finally {
    handler.drain();
    await server.stop();
    await handler.close();
  }
}

/** The registries of the demo, all in this process. */
export interface DemoRegistries {
  /** The public registry, with `library/hello`. */
  readonly publicUrl: string;
  /** A pull-through cache of the public registry. */
  readonly cacheUrl: string;
  /** The private registry, empty. */
  readonly hostedUrl: string;
  stop(): Promise<void>;
}

export async function startRegistries(): Promise<DemoRegistries> {
  const publicRegistry = await startRegistry();
  const cache = await startRegistry({ upstream: publicRegistry.url });
  const hosted = await startRegistry();
  addHelloImage(
    publicRegistry,
    "library/hello",
    "latest",
    "Hello. This image came through Combined Registry.\n",
  );
  return {
    publicUrl: publicRegistry.url,
    cacheUrl: cache.url,
    hostedUrl: hosted.url,
    async stop() {
      await Promise.all([hosted.close(), cache.close(), publicRegistry.close()]);
    },
  };
}
