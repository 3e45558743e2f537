import { once } from "node:events";

/** A registry handler as Koa middleware. Goes before any body parser: pushes are streamed. */
export function koaRegistry(registry) {
  return async (ctx, next) => {
    if (!registry.matches(ctx.req)) {
      await next();
      return;
    }
    ctx.respond = false; // Koa would answer 404, since nobody sets ctx.body
    registry(ctx.req, ctx.res);
    // Whatever middleware comes before, such as an access log, goes on when the answer is over.
    if (!ctx.res.closed) {
      await once(ctx.res, "close");
    }
  };
}
