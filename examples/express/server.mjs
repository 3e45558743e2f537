import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import express from "express";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
  operations: "off", // the application has health and metrics of its own
  authorize: (_request, { access }) =>
    access === "delete" ? { decision: "deny", message: "ask an administrator" } : "allow",
});

const app = express();
app.use(registry); // before any body parser: pushes are streamed
app.use(express.json());
app.get("/healthcheck", (_request, response) => response.json({ application: "fine" }));
app.post("/echo", (request, response) => response.json(request.body));

const server = createServer(serverOptions, app);
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", () => {
  server.close();
  registry.close().then(() => server.closeAllConnections());
});
