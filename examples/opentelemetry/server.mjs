import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { traceDecision, traceRequest } from "./tracing.mjs";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
  onDecision: traceDecision,
});

const server = createServer(serverOptions, (request, response) => {
  traceRequest(request, response, () => registry(request, response));
});
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  await registry.close(); // pushes and pulls under way come to their end
  server.closeAllConnections(); // whatever else is still open is not waited for
});
