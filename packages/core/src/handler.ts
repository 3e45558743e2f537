import type { IncomingMessage, ServerResponse } from "node:http";
import { completeConfig } from "./config/complete-config.ts";
import type { CombinedRegistryConfig, ManifestChange } from "./config/options.ts";
import type { CheckReport } from "./inspect/check-report.ts";
import type { Explanation } from "./inspect/explanation.ts";
import { checkHealth, type Health } from "./observe/health.ts";
import type { MetricsRegistry } from "./observe/metrics.ts";
import { parseTarget } from "./protocol/target.ts";
import { createServices, type Services } from "./services.ts";
import { Serving } from "./serving.ts";

/**
 * The router as a plain Node request listener: for `http.createServer`, or as middleware of Express and the
 * like, where what is not the router's goes on to `next`.
 */
export interface CombinedRegistryHandler extends AsyncDisposable {
  /**
   * Answers a request, or calls `next` if there is one and the request is not the router's.
   * @returns resolves when the response has closed, whether it is complete or its client left, and is counted and logged; after
   *   `next`, when that has returned. Never rejects: what goes wrong is answered and logged
   */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): Promise<void>;

  /** Whether a request is the router's to answer: `/v2`, below it, or one of its own pages. */
  matches(request: IncomingMessage): boolean;

  /** Asks every upstream for its `/v2/` (shared, and remembered for a second). Never rejects. */
  health(): Promise<Health>;

  /**
   * Says where an image comes from, where a push of it would go, and why: the rule, what every upstream that a pull may ask
   * says now, and what a client gets. It asks with GET and HEAD, and nobody whom the rule keeps the name from.
   * @param image as docker takes it: `nginx`, `team/app:1.2`, `registry.example.com/team/app@sha256:...`
   * @throws ImageNameError if it is not the name of an image; `signal.reason` once that is aborted
   */
  explain(image: string, options?: ExplainOptions): Promise<Explanation>;

  /**
   * Looks at every upstream and at the configuration for what does not work or will hurt. It writes nothing anywhere: beside
   * GETs, it asks hosted to delete a digest that cannot exist, which tells whether deletes are on. Never rejects.
   */
  check(): Promise<CheckReport>;

  /** What `/metrics` shows; a prom-client `Registry`. */
  readonly metrics: MetricsRegistry;

  /**
   * Goes by another configuration from the next request on. Requests under way end as they began; metrics go on, and
   * so do the connections and the state of every upstream that has not changed.
   * @throws ConfigError as `createCombinedRegistryHandler` does; then nothing changes
   */
  reload(config: CombinedRegistryConfig): void;

  /** Drops what is cached about a manifest that another process changed; to be called for each `peers.publish`. */
  invalidate(change: ManifestChange): void;

  /** From now on `/readyz` says 503, and each answer is the last on its connection. */
  drain(): void;

  /** Drains, waits for the requests in flight, and closes the connections to upstreams. */
  close(): Promise<void>;

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How an image is explained. */
export interface ExplainOptions {
  /** Gives the explanation up, and with it the requests to upstreams. @default never */
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
  const serving = new Serving(createServices(complete));
  const isOurs = (request: IncomingMessage) => serving.isOurs(request, parseTarget(request.url ?? ""));

  const handler = (
    request: IncomingMessage,
    response: ServerResponse,
    next?: (error?: unknown) => void,
  ): Promise<void> => {
    if (next !== undefined && !isOurs(request)) {
      // What it throws is its own, and is thrown at once as it always was.
      next();
      return Promise.resolve();
    }
    return serving.serve(request, response);
  };
  const close = async (): Promise<void> => {
    serving.drain();
    await serving.idle();
    serving.close();
  };
  return Object.assign(handler, {
    matches: isOurs,
    health: () => checkHealth(serving.services),
    // What few ask for is loaded for those who do: it is a tenth of what there is to load before the first request.
    explain: (image: string, options?: ExplainOptions) => explainUntil(serving.services, image, options),
    check: async () => (await import("./inspect/check.ts")).check(serving.services),
    metrics: serving.services.metrics.registry,
    reload(next: CombinedRegistryConfig) {
      // A name that was made up stays: with another one, every upstream would have to be set up anew.
      const nextComplete = completeConfig({ via: complete.via, ...next });
      serving.replace(createServices(nextComplete, serving.services));
    },
    invalidate: (change: ManifestChange) => serving.services.invalidation.apply(change),
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
    // Inside, a request that is given up is a client that has left.
    throw signal?.aborted === true ? signal.reason : error;
  }
}
