import type { IncomingMessage, ServerResponse } from "node:http";
import type { CombinedRegistryHandler } from "../handler.ts";

/** The part of a Fastify request that the plugin uses. */
export interface FastifyRequestLike {
  /** Node's request. */
  readonly raw: IncomingMessage;
}

/** The part of a Fastify reply that the plugin uses. */
export interface FastifyReplyLike {
  /** Node's response. */
  readonly raw: ServerResponse;
  /** Leaves the response to other code. */
  hijack(): unknown;
}

/** The part of a Fastify instance that the plugin uses. */
export interface FastifyInstanceLike {
  /** Adds a hook: `onRequest` runs before Fastify reads a body; `preClose` and `onClose` when it closes. */
  addHook(
    name: "onRequest",
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown;
  /** Adds a hook: `onRequest` runs before Fastify reads a body; `preClose` and `onClose` when it closes. */
  addHook(name: "preClose" | "onClose", hook: () => Promise<void>): unknown;
}

/**
 * The router as a Fastify plugin, for the whole application rather than a part of it. It is an `onRequest` hook, since Fastify parses
 * bodies before routes run, and answers 415 to types without a parser. `onRequest` hooks that were added earlier run first. When the
 * application closes, the router drains, requests in flight end, and the router closes.
 * @example
 * ```ts
 * await app.register(fastifyPlugin(createCombinedRegistryHandler(config)));
 * ```
 */
export function fastifyPlugin(handler: CombinedRegistryHandler): (app: FastifyInstanceLike) => Promise<void> {
  const plugin = async (app: FastifyInstanceLike): Promise<void> => {
    app.addHook("onRequest", (request, reply, done) => {
      if (!handler.matches(request.raw)) {
        done();
        return;
      }
      reply.hijack(); // From here on the answer is not Fastify's; onResponse hooks still see its end.
      void handler(request.raw, reply.raw);
    });
    app.addHook("preClose", async () => handler.drain());
    app.addHook("onClose", () => handler.close());
  };
  // As fastify-plugin does. Otherwise the hooks of a plugin are for its own routes alone.
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true });
}
