import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
});

const server = createServer(serverOptions, (request, response) => {
  if (registry.matches(request)) {
    registry(request, response);
  } else {
    response.end("Hello from the application itself.\n");
  }
});

server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", () => {
  server.close();
  registry.close().then(() => server.closeAllConnections());
});
