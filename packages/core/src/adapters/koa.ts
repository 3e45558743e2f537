import type { IncomingMessage, ServerResponse } from "node:http";
import type { CombinedRegistryHandler } from "../handler.ts";

/** The part of a Koa context that the middleware uses. */
export interface KoaContext {
  /** Node's request. */
  readonly req: IncomingMessage;
  /** Node's response. */
  readonly res: ServerResponse;
  /** False if Koa must not answer by itself. */
  respond?: boolean;
}

/**
 * The router as Koa middleware. Mount it before any body parser, since pushes are streamed. Requests that are not the router's go to
 * the next middleware. Middleware mounted before it, such as an access log, continues when the response has closed.
 * @example
 * ```ts
 * app.use(koaMiddleware(createCombinedRegistryHandler(config)));
 * ```
 */
export function koaMiddleware(
  handler: CombinedRegistryHandler,
): (context: KoaContext, next: () => Promise<unknown>) => Promise<void> {
  return async (context, next) => {
    if (!handler.matches(context.req)) {
      await next();
      return;
    }
    context.respond = false; // Koa would answer 404, since the router sets no ctx.body.
    await handler(context.req, context.res);
  };
}
