import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { fastifyPlugin } from "@combined-registry/core/fastify";
import websocket from "@fastify/websocket";
import Fastify from "fastify";

const app = Fastify({
  logger: true,
  http: serverOptions,
  keepAliveTimeout: serverOptions.keepAliveTimeout, // Fastify sets it after `http`
});

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
  logger: app.log,
});
await app.register(fastifyPlugin(registry));

await app.register(websocket);
app.get("/events", { websocket: true }, (socket) => socket.send("hello"));
app.get("/", () => ({ application: "fine" }));
app.post("/echo", (request) => request.body);
app.setErrorHandler((error, _request, reply) =>
  reply.status(error.statusCode ?? 500).send({ application: error.code ?? "internal error" }),
);

await app.listen({ port: Number(process.env.PORT ?? 5000), host: "127.0.0.1" });
console.log(`listening on port ${app.server.address().port}`);

process.once("SIGTERM", () => app.close());
