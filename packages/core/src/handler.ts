import type { IncomingMessage, ServerResponse } from "node:http";
import { completeConfig } from "./config/complete-config.ts";
import type { CombinedRegistryConfig, ManifestChange } from "./config/options.ts";
import { Generations } from "./generations.ts";
import type { CheckReport } from "./inspect/check-report.ts";
import type { Explanation } from "./inspect/explanation.ts";
import { checkHealth, type Health } from "./observe/health.ts";
import type { MetricsRegistry } from "./observe/metrics.ts";
import { createRouterContext, type RouterContext } from "./router-context.ts";
import { Serving } from "./serving.ts";

/**
 * The router as a Node request listener: for `http.createServer`, or as middleware of Express and similar frameworks. As middleware, it
 * calls `next` for requests that are not for the router.
 */
export interface CombinedRegistryHandler extends AsyncDisposable {
  /**
   * Answers a request. If there is a `next` and the request is not for the router, it calls `next` instead.
   * @returns a promise that resolves when the response has closed and is counted and logged, even if the client left early. If `next` was
   *   called, it resolves when `next` has returned. It never rejects: errors are answered and logged. An error that `next` throws is thrown
   *   at once
   */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): Promise<void>;

  /** Whether a request is for the router: `/v2`, a path below it, or one of the router's own pages. */
  matches(request: IncomingMessage): boolean;

  /** Asks every upstream for its `/v2/`. Concurrent calls share the requests, and answers are cached for a second. Never rejects. */
  health(): Promise<Health>;

  /**
   * Explains where an image comes from, where a push of it would go, and why. The result has the rule, the current answer of every upstream
   * that a pull may ask, and what a client gets. It asks these upstreams with HEAD and GET, and no others.
   * @param image the name as for docker: `nginx`, `team/app:1.2`, `registry.example.com/team/app@sha256:...`
   * @throws ImageNameError if `image` is not the name of an image; `signal.reason` if the signal is aborted
   */
  explain(image: string, options?: ExplainOptions): Promise<Explanation>;

  /**
   * Checks every upstream and the configuration for errors and risks. It changes nothing: it sends GET requests, and asks hosted to delete
   * a digest that cannot exist, to find out whether deletes are on. Never rejects.
   */
  check(): Promise<CheckReport>;

  /** The metrics that `/metrics` shows: a prom-client `Registry`. */
  readonly metrics: MetricsRegistry;

  /**
   * Applies another configuration from the next request on. Requests in flight finish under the old one. Metrics continue, and so do the
   * connections and the state of every upstream whose options have not changed.
   * @throws ConfigError if an option is wrong, as `createCombinedRegistryHandler` does. The old configuration then stays in use
   */
  reload(config: CombinedRegistryConfig): void;

  /** Drops what is cached about a manifest that another process changed. Call it for each change that `peers.publish` of another process sends. */
  invalidate(change: ManifestChange): void;

  /** From now on `/readyz` answers 503, and each answer closes its connection. */
  drain(): void;

  /** Drains, waits for the requests in flight, and closes the connections to upstreams. */
  close(): Promise<void>;

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of `explain`. */
export interface ExplainOptions {
  /** Cancels the explanation and its requests to upstreams. @default none */
  readonly signal?: AbortSignal;
}

/**
 * Creates the router. It opens no port and no connection, reads no environment variables and no files, and installs no signal handlers.
 * @example
 * ```ts
 * const registry = createCombinedRegistryHandler({ hosted: "http://hosted:5000", proxy: "http://cache:5000" });
 * http.createServer(serverOptions, registry).listen(5000);
 * ```
 * @throws ConfigError if an option is wrong. It names each wrong option, the expected and the given value
 */
export function createCombinedRegistryHandler(config: CombinedRegistryConfig): CombinedRegistryHandler {
  const complete = completeConfig(config);
  const generations = new Generations(createRouterContext(complete));
  const serving = new Serving(generations);

  const handler = (
    request: IncomingMessage,
    response: ServerResponse,
    next?: (error?: unknown) => void,
  ): Promise<void> => {
    if (next !== undefined && !serving.isOurs(request)) {
      // Its errors belong to the application, and are thrown synchronously.
      next();
      return Promise.resolve();
    }
    return serving.serve(request, response);
  };
  const close = async (): Promise<void> => {
    serving.drain();
    await generations.idle();
    generations.close();
  };
  return Object.assign(handler, {
    matches: (request: IncomingMessage) => serving.isOurs(request),
    health: () => checkHealth(generations.current),
    // Few processes explain or check, and this code is a tenth of what would be loaded before the first request.
    explain: (image: string, options?: ExplainOptions) => explainUntil(generations.current, image, options),
    check: async () => (await import("./inspect/check.ts")).check(generations.current),
    metrics: generations.current.metrics.registry,
    reload(next: CombinedRegistryConfig) {
      // A generated `via` is kept: with another one, every upstream would be set up anew.
      const nextComplete = completeConfig({ via: complete.via, ...next });
      generations.replace(createRouterContext(nextComplete, generations.current));
    },
    invalidate: (change: ManifestChange) => generations.current.invalidation.apply(change),
    drain: () => serving.drain(),
    close,
    [Symbol.asyncDispose]: close,
  });
}

async function explainUntil(
  context: RouterContext,
  image: string,
  { signal }: ExplainOptions = {},
): Promise<Explanation> {
  const { explain } = await import("./inspect/explain.ts");
  try {
    signal?.throwIfAborted();
    return await explain(context, image, signal);
  } catch (error) {
    // Inside, an aborted request looks like a client that has left: ClientAborted.
    throw signal?.aborted === true ? signal.reason : error;
  }
}
