import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CombinedRegistryConfig,
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  type Explanation,
  serverOptions,
} from "@combined-registry/core";
import { fastifyPlugin } from "@combined-registry/core/fastify";
import { honoMiddleware } from "@combined-registry/core/hono";
import { koaMiddleware } from "@combined-registry/core/koa";
import { type ImageDescriptor, type RegistryOptions, startRegistry } from "@combined-registry/testkit";

// A program of somebody who has installed the packages. It says what it pulled, and from whom.

async function pull(origin: string, repository: string): Promise<string> {
  const manifest = await fetch(`${origin}/v2/${repository}/manifests/1.0`);
  const { layers }: { layers: { digest: string }[] } = JSON.parse(await manifest.text());
  for (const { digest } of layers) {
    const blob = await fetch(`${origin}/v2/${repository}/blobs/${digest}`);
    const hash = createHash("sha256").update(Buffer.from(await blob.arrayBuffer()));
    if (`sha256:${hash.digest("hex")}` !== digest) {
      throw new Error(`${repository} has another layer than ${digest}`);
    }
  }
  return `${repository}: ${layers.length} layers, ${manifest.headers.get("x-combined-registry")}`;
}

const ofCache: RegistryOptions = { referrers: false };
const cache = await startRegistry(ofCache);
const hosted = await startRegistry();
const image: ImageDescriptor = cache.addImage("library/hello", { tag: "1.0", layers: ["one", "two"] });
hosted.addImage("team/app", { tag: "1.0" });

const config: CombinedRegistryConfig = {
  hosted: hosted.url,
  proxy: { name: "hub", url: cache.url, timeouts: { connect: 1_000 } },
  authorize: (_request, { access }) => (access === "pull" ? "allow" : "deny"),
};
const registry: CombinedRegistryHandler = createCombinedRegistryHandler(config);
// Of frameworks that are not installed here: the adapters' types are complete without theirs.
export const adapters = [koaMiddleware(registry), fastifyPlugin(registry), honoMiddleware(registry)];
const server = createServer(serverOptions, registry);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

try {
  const origin = `http://127.0.0.1:${port}`;
  const pulled = [await pull(origin, "library/hello"), await pull(origin, "team/app")];
  const explained: Explanation = await registry.explain(`library/hello@${image.digest}`);
  process.stdout.write(JSON.stringify({ pulled, from: explained.pull.from }));
} finally {
  server.close();
  await registry.close();
  await Promise.all([cache.close(), hosted.close()]);
}
