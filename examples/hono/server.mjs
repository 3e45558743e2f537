import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { honoMiddleware } from "@combined-registry/core/hono";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { logger } from "hono/logger";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
});

const app = new Hono();
app.use(logger());
app.use(honoMiddleware(registry)); // before whatever reads bodies, since pushes are streamed
app.get("/", (c) => c.json({ application: "fine" }));
app.post("/echo", async (c) => c.json(await c.req.json()));
app.onError((error, c) => c.json({ application: error.message }, 400));

const server = createServer(serverOptions, getRequestListener(app.fetch));
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  await registry.close(); // pushes and pulls under way come to their end
  server.closeAllConnections(); // whatever else is still open is not waited for
});
