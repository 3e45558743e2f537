/**
 * A registry handler in a Fastify application, as a hook: a route would be too late. Before routes Fastify parses bodies, and
 * refuses with 415 what it has no parser for, which is all that docker sends.
 */
export function serveRegistry(app, registry) {
  app.addHook("onRequest", (request, reply, done) => {
    if (!registry.matches(request.raw)) {
      done();
      return;
    }
    reply.hijack(); // from here on the answer is not Fastify's; onResponse hooks still see its end
    registry(request.raw, reply.raw);
  });
  // Those that are under way end; app.close() waits for them and then for this.
  app.addHook("preClose", async () => registry.drain());
  app.addHook("onClose", () => registry.close());
}
