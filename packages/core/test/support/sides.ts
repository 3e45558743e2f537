import {
  type CombinedRegistryConfig,
  createCombinedRegistryHandler,
  type HostedConfig,
  type ProxyConfig,
} from "@combined-registry/core";
import { type RegistryOptions, startRouter, type TestRegistry } from "@combined-registry/testkit";
import type { RunningRouter } from "./router.ts";

/** Options of the router for one upstream, and how the test registry behind it behaves. */
type SideOptions<Upstream> = Partial<Upstream> & { readonly registry?: RegistryOptions };

/** What `startSides` starts. */
export interface SidesOptions {
  /** By name, in the order in which they are asked. One, called `proxy`, unless given. */
  readonly proxies?: Readonly<Record<string, SideOptions<ProxyConfig>>>;
  readonly hosted?: SideOptions<HostedConfig>;
  /** Options of the router. */
  readonly router?: Partial<CombinedRegistryConfig>;
}

/** A router and the registries behind it; all of them are closed together. */
export interface Sides extends AsyncDisposable {
  readonly router: RunningRouter;
  readonly hosted: TestRegistry;
  /** The first proxy. */
  readonly proxy: TestRegistry;
  proxyNamed(name: string): TestRegistry;
}

/** Starts a hosted registry, proxies, and a router in front of them. */
export async function startSides({
  proxies = { proxy: {} },
  hosted: { registry: hostedRegistry = {}, ...hosted } = {},
  router: config = {},
}: SidesOptions = {}): Promise<Sides> {
  const options = Object.entries(proxies).map(([name, { registry = {}, ...proxy }]) => ({
    name,
    registry,
    proxy,
  }));
  const started = await startRouter(
    (urls) =>
      createCombinedRegistryHandler({
        hosted: { url: urls.hosted, ...hosted },
        proxy: urls.proxy.map((given, index) => ({ ...given, ...options[index]?.proxy })),
        ...config,
      }),
    {
      hosted: hostedRegistry,
      proxies: Object.fromEntries(options.map(({ name, registry }) => [name, registry])),
    },
  );
  const { url, handler, close, proxyNamed } = started;
  return {
    router: { url, port: Number(new URL(url).port), handler, [Symbol.asyncDispose]: close },
    hosted: started.hosted,
    proxy: started.proxy,
    proxyNamed,
    [Symbol.asyncDispose]: close,
  };
}
