import { IncomingMessage, ServerResponse } from "node:http";
import type { CombinedRegistryHandler } from "../handler.ts";

/** The part of a Hono context that the middleware uses. */
export interface HonoContext {
  /** The bindings of `@hono/node-server`: Node's request as `incoming` and its response as `outgoing`. */
  readonly env: unknown;
}

/**
 * The router as Hono middleware, on `@hono/node-server`. Mount it before middleware that reads bodies, since pushes are streamed.
 * Requests that are not the router's go to the next middleware. Headers that middleware sets on `c` or on its `Response` do not reach the router's answers.
 * @throws TypeError, for each request, where Hono runs on something else than `@hono/node-server` over HTTP/1.1
 * @example
 * ```ts
 * app.use(honoMiddleware(createCombinedRegistryHandler(config)));
 * ```
 */
export function honoMiddleware(
  handler: CombinedRegistryHandler,
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  return async ({ env }, next) => {
    const { incoming, outgoing } = nodeBindings(env);
    if (!handler.matches(incoming)) {
      await next();
      return undefined;
    }
    await handler(incoming, outgoing);
    // RESPONSE_ALREADY_SENT of @hono/node-server, which this package does not depend on.
    return new Response(null, { headers: { "x-hono-already-sent": "true" } });
  };
}

function nodeBindings(env: unknown): {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
} {
  if (typeof env === "object" && env !== null && "incoming" in env && "outgoing" in env) {
    const { incoming, outgoing } = env;
    if (incoming instanceof IncomingMessage && outgoing instanceof ServerResponse) {
      return { incoming, outgoing };
    }
  }
  throw new TypeError(
    "the registry needs Node's request and response: serve the application with @hono/node-server",
  );
}
