import type { IncomingMessage, ServerResponse } from "node:http";
import { completeConfig } from "./config/complete-config.ts";
import type { CombinedRegistryConfig, ManifestChange } from "./config/options.ts";
import { Generations } from "./generations.ts";
import type { CheckReport } from "./inspect/check-report.ts";
import type { Explanation } from "./inspect/explanation.ts";
import { checkHealth, type Health } from "./observe/health.ts";
import type { MetricsRegistry } from "./observe/metrics.ts";
import { createServices, type Services } from "./services.ts";
import { Serving } from "./serving.ts";

/**
 * The router as a plain Node request listener: for `http.createServer`, or as middleware of Express and similar frameworks. As
 * middleware, it passes requests that are not its own to `next`.
 */
export interface CombinedRegistryHandler extends AsyncDisposable {
  /**
   * Answers a request, or calls `next` if there is one and the request is not the router's.
   * @returns resolves when the response has closed (complete, or because the client left) and the request is counted and logged;
   *   after `next`, when that has returned. Never rejects: errors are answered and logged
   */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): Promise<void>;

  /** Whether a request is the router's to answer: `/v2`, below it, or one of its own pages. */
  matches(request: IncomingMessage): boolean;

  /** Asks every upstream for its `/v2/`. Concurrent callers share one request, and its answer is cached for a second. Never rejects. */
  health(): Promise<Health>;

  /**
   * Says where an image comes from, where a push of it would go, and why: the rule, what every upstream that a pull may ask
   * says now, and what a client gets. It sends GET and HEAD only, and only to upstreams that the rule lets see the name.
   * @param image as docker takes it: `nginx`, `team/app:1.2`, `registry.example.com/team/app@sha256:...`
   * @throws ImageNameError if it is not the name of an image; `signal.reason` once that is aborted
   */
  explain(image: string, options?: ExplainOptions): Promise<Explanation>;

  /**
   * Checks every upstream and the configuration for errors and risks. It writes nothing: besides GET requests, it asks hosted to
   * delete a digest that cannot exist, to find out whether deletes are enabled. Never rejects.
   */
  check(): Promise<CheckReport>;

  /** What `/metrics` shows; a prom-client `Registry`. */
  readonly metrics: MetricsRegistry;

  /**
   * Uses another configuration from the next request on. Requests in flight keep the earlier one. Metrics continue, and so do
   * the connections and the state of every upstream that has not changed.
   * @throws ConfigError as `createCombinedRegistryHandler` does; then nothing changes
   */
  reload(config: CombinedRegistryConfig): void;

  /** Drops what is cached about a manifest that another process changed. Call it for each `peers.publish` of other processes. */
  invalidate(change: ManifestChange): void;

  /** From now on `/readyz` answers 503, and each response is the last on its connection. */
  drain(): void;

  /** Drains, waits for the requests in flight, and closes the connections to upstreams. */
  close(): Promise<void>;

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of `explain`. */
export interface ExplainOptions {
  /** Aborts the explanation and its requests to upstreams. @default never */
  readonly signal?: AbortSignal;
}

/**
 * Makes the router. It opens no port and no connection, reads no environment and no files, and installs no
 * signal handlers.
 * @example
 * ```ts
 * const registry = createCombinedRegistryHandler({ hosted: "http://hosted:5000", proxy: "http://cache:5000" });
 * http.createServer(serverOptions, registry).listen(5000);
 * ```
 * @throws ConfigError naming each option that is wrong, what was expected and what was given
 */
export function createCombinedRegistryHandler(config: CombinedRegistryConfig): CombinedRegistryHandler {
  const complete = completeConfig(config);
  const generations = new Generations(createServices(complete));
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
      generations.replace(createServices(nextComplete, generations.current));
    },
    invalidate: (change: ManifestChange) => generations.current.invalidation.apply(change),
    drain: () => serving.drain(),
    close,
    [Symbol.asyncDispose]: close,
  });
}

async function explainUntil(
  services: Services,
  image: string,
  { signal }: ExplainOptions = {},
): Promise<Explanation> {
  const { explain } = await import("./inspect/explain.ts");
  try {
    signal?.throwIfAborted();
    return await explain(services, image, signal);
  } catch (error) {
    // Inside, an aborted request looks like a client that has left: ClientAborted.
    throw signal?.aborted === true ? signal.reason : error;
  }
}
