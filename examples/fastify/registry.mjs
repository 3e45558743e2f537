/**
 * Adds a registry handler to a Fastify application, as a hook. A route would be too late: Fastify parses bodies before routes, and
 * answers 415 to types that it has no parser for, such as all bodies that docker sends.
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
  // Requests in flight finish: app.close() waits for them, and then for the onClose hook.
  app.addHook("preClose", async () => registry.drain());
  app.addHook("onClose", () => registry.close());
}
