import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { koaMiddleware } from "@combined-registry/core/koa";
import { bodyParser } from "@koa/bodyparser";
import Koa from "koa";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
});

const app = new Koa();
app.use(async (ctx, next) => {
  const started = performance.now();
  await next();
  const time = Math.round(performance.now() - started);
  console.log(`${ctx.method} ${ctx.path} ${ctx.res.statusCode} ${time} ms`);
});
app.use(koaMiddleware(registry)); // before the body parser, since pushes are streamed
app.use(bodyParser());
app.use((ctx) => {
  if (ctx.path === "/echo") {
    ctx.body = ctx.request.body;
  } else if (ctx.path === "/boom") {
    ctx.throw(409, "the application's own trouble");
  }
});

const server = createServer(serverOptions, app.callback());
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  await registry.close(); // waits for pushes and pulls in flight
  server.closeAllConnections(); // closes all other connections at once
});
