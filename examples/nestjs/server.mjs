import "reflect-metadata";
import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import express from "express";
import { EchoController } from "./echo.controller.mjs";

class AppModule {}
Module({ controllers: [EchoController] })(AppModule);

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
});

const listener = express();
const app = await NestFactory.create(AppModule, new ExpressAdapter(listener), { logger: ["error", "warn"] });
app.use(registry); // before init(), which adds the body parsers: pushes are streamed
await app.init();

// Not app.listen(), whose server would end every request after 300 seconds, uploads of large layers included.
const server = createServer(serverOptions, listener);
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  await registry.close(); // pushes and pulls under way come to their end
  server.closeAllConnections(); // whatever else is still open is not waited for
  await app.close();
});
