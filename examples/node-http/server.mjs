import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { WebSocketServer } from "ws";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
});

// With Node's defaults, every request would end after 300 seconds, uploads of large layers included.
const server = createServer(serverOptions, (request, response) => {
  if (registry.matches(request)) {
    registry(request, response);
  } else {
    response.end("Hello from the application itself.\n");
  }
});

// Upgrades are a separate event, which the registry never sees.
const sockets = new WebSocketServer({ server, path: "/events" });
sockets.on("connection", (socket) => socket.send("hello"));

server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  for (const socket of sockets.clients) {
    socket.close(1001);
  }
  await registry.close(); // waits for pushes and pulls in flight
  server.closeAllConnections(); // closes all other connections at once
});
