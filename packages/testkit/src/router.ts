import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { RegistryOptions } from "./options.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

/** What `startRouter` needs of a router: a request listener that can be closed, such as core's handler. */
export interface RouterHandler {
  /** Answers a request. */
  (request: IncomingMessage, response: ServerResponse): unknown;
  /** Waits for requests under way, and closes the connections to upstreams. */
  close(): Promise<void>;
}

/** The upstreams of a router, as its configuration takes them. */
export interface RouterUpstreams {
  /** URL of the hosted registry. */
  readonly hosted: string;
  /** The proxies, in the order in which they are asked. */
  readonly proxy: readonly {
    /** As in `proxies` of the options. */
    readonly name: string;
    /** URL of the proxy. */
    readonly url: string;
  }[];
}

/** What `startRouter` starts. */
export interface RouterOptions {
  /** How the hosted registry behaves. @default {} */
  readonly hosted?: RegistryOptions;
  /**
   * The proxies, by name, in the order in which they are asked; at least one. Unless `upstream` says otherwise, a proxy has what a test adds to
   * it, as a cache that has pulled just that.
   * @default { proxy: {} }
   * @example { dockerhub: {}, ghcr: { rateLimit: { pulls: 2 } } }
   */
  readonly proxies?: Readonly<Record<string, RegistryOptions>>;
  /** Options of the router's HTTP server, such as `serverOptions` of core. @default { requestTimeout: 0 } */
  readonly server?: ServerOptions;
}

/** A router and the registries behind it. All of them are closed by `close` or `await using`. */
export interface TestRouter<Handler extends RouterHandler = RouterHandler> extends AsyncDisposable {
  /** `http://127.0.0.1:34567`: what clients talk to. */
  readonly url: string;
  /** `127.0.0.1:34567`, as it stands in image names. */
  readonly host: string;
  /** What `createHandler` made. */
  readonly handler: Handler;
  /** The private registry. */
  readonly hosted: TestRegistry;
  /** The first proxy. */
  readonly proxy: TestRegistry;
  /** A proxy by its name. @throws RangeError if there is none of that name */
  proxyNamed(name: string): TestRegistry;
  /** Closes the router, then the registries. What is under way is broken off. */
  close(): Promise<void>;
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a hosted registry, proxies, and a router in front of them, each on a free port of the loopback.
 * @param createHandler makes the router of its upstreams: `createCombinedRegistryHandler` itself, or a function that adds options. It is a
 *   parameter so that this package depends on no version of core
 * @example
 * ```ts
 * await using router = await startRouter(createCombinedRegistryHandler);
 * router.proxy.addImage("library/nginx", { tag: "1.27" });
 * ```
 * @example
 * ```ts
 * await using router = await startRouter(
 *   (upstreams) => createCombinedRegistryHandler({ ...upstreams, lists: "merge" }),
 *   { proxies: { dockerhub: {}, ghcr: {} } },
 * );
 * router.proxyNamed("ghcr").fault({ status: 503 });
 * ```
 * @throws TypeError without a proxy; what `createHandler` throws. The registries are closed then
 */
export async function startRouter<Handler extends RouterHandler>(
  createHandler: (upstreams: RouterUpstreams) => Handler,
  {
    hosted: options = {},
    proxies: named = { proxy: {} },
    server = { requestTimeout: 0 },
  }: RouterOptions = {},
): Promise<TestRouter<Handler>> {
  const registries: TestRegistry[] = [];
  const start = async (registryOptions: RegistryOptions): Promise<TestRegistry> => {
    const registry = await startRegistry(registryOptions);
    registries.push(registry);
    return registry;
  };
  try {
    const hosted = await start(options);
    const proxies = new Map<string, TestRegistry>();
    for (const [name, proxyOptions] of Object.entries(named)) {
      proxies.set(name, await start(proxyOptions));
    }
    const upstreams = {
      hosted: hosted.url,
      proxy: [...proxies].map(([name, { url }]) => ({ name, url })),
    };
    const handler = createHandler(upstreams);
    return await running(createServer(server, handler), handler, { hosted, proxies });
  } catch (error) {
    await Promise.all(registries.map((registry) => registry.close()));
    throw error;
  }
}

interface Behind {
  readonly hosted: TestRegistry;
  readonly proxies: ReadonlyMap<string, TestRegistry>;
}

async function running<Handler extends RouterHandler>(
  server: Server,
  handler: Handler,
  { hosted, proxies }: Behind,
): Promise<TestRouter<Handler>> {
  const [proxy] = proxies.values();
  if (proxy === undefined) {
    throw new TypeError("proxies: expected at least one, given none");
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await handler.close();
    await Promise.all([hosted, ...proxies.values()].map((registry) => registry.close()));
  };
  return {
    url: `http://${host}`,
    host,
    handler,
    hosted,
    proxy,
    proxyNamed(name) {
      const found = proxies.get(name);
      if (found === undefined) {
        throw new RangeError(`no proxy is named ${name}: there are ${[...proxies.keys()].join(", ")}`);
      }
      return found;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
