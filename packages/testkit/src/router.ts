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

/** A router that `startRouter` can run: a request listener with `close`, such as the handler of core. */
export interface RouterHandler {
  /** Answers a request. */
  (request: IncomingMessage, response: ServerResponse): unknown;
  /** Waits for the requests in flight, and closes the connections to upstreams. */
  close(): Promise<void>;
}

/** The upstreams of a router, in the form of the router's configuration. */
export interface RouterUpstreams {
  /** URL of the hosted registry. */
  readonly hosted: string;
  /** The proxies, in the order in which the router asks them. */
  readonly proxy: readonly {
    /** Name of the proxy in `proxies` of the options. */
    readonly name: string;
    /** URL of the proxy. */
    readonly url: string;
  }[];
}

/** Options of `startRouter`. */
export interface RouterOptions {
  /** Options of the hosted registry. @default {} */
  readonly hosted?: RegistryOptions;
  /**
   * The proxies by name, at least one, in the order in which the router asks them. A proxy without `upstream` has only the content that a
   * test adds to it, as a cache that has pulled only that content.
   * @default { proxy: {} }
   * @example { dockerhub: {}, ghcr: { rateLimit: { pulls: 2 } } }
   */
  readonly proxies?: Readonly<Record<string, RegistryOptions>>;
  /** Options of the router's HTTP server, such as `serverOptions` of core. @default { requestTimeout: 0 } */
  readonly server?: ServerOptions;
}

/** A running router and the registries behind it. `close` or `await using` closes all of them. */
export interface TestRouter<Handler extends RouterHandler = RouterHandler> extends AsyncDisposable {
  /** URL of the router, for clients: `http://127.0.0.1:34567`. */
  readonly url: string;
  /** Host and port of the router, as in image names: `127.0.0.1:34567`. */
  readonly host: string;
  /** The handler that `createHandler` returned. */
  readonly handler: Handler;
  /** The private registry. */
  readonly hosted: TestRegistry;
  /** The first proxy. */
  readonly proxy: TestRegistry;
  /** A proxy by its name. @throws RangeError if no proxy has that name */
  proxyNamed(name: string): TestRegistry;
  /** Closes the router, then the registries. Requests in flight are cut off. */
  close(): Promise<void>;
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a hosted registry, proxies, and a router in front of them, each on a free port of 127.0.0.1.
 * @param createHandler creates the router for the given upstreams: `createCombinedRegistryHandler`, or a function that adds options. It is a
 *   parameter so that this package does not depend on a version of core
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
 * @throws TypeError if `proxies` is empty; any error of `createHandler`. The registries are closed before it throws
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
