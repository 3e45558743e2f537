import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import express from "express";
import session from "express-session";
import { authorize } from "./authorize.mjs";
import { logIn } from "./login.mjs";

const registry = createCombinedRegistryHandler({
  hosted: process.env.HOSTED ?? "http://127.0.0.1:5001",
  proxy: process.env.PROXY ?? "http://127.0.0.1:5002",
  operations: "off", // the application has health and metrics of its own
  authorize,
});

const app = express();
app.use(
  session({
    // Without a `store`, sessions are in this process's memory: they end with it, no second process knows them, and expired ones
    // that nobody asks for again stay. In production give one: connect-redis, connect-pg-simple or the like.
    // One that is made up ends all sessions when the process ends, and is no good for two processes.
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString("hex"),
    resave: false,
    saveUninitialized: false, // docker keeps no cookies: without this, each of its requests would begin a session
    // strict: a session may push, so no other site may have a browser send it.
    cookie: { httpOnly: true, sameSite: "strict", secure: "auto" },
  }),
);
app.use(registry); // after the session, which authorize looks at; before any body parser, since pushes are streamed
app.use(express.json());

app.post("/login", async (request, response, next) => {
  const { user, retryAfter } = await logIn(request, request.body?.name, request.body?.password);
  if (retryAfter !== undefined) {
    response.status(429).set("Retry-After", String(retryAfter)).json({ error: "too many wrong passwords" });
    return;
  }
  if (user === undefined) {
    response.status(401).json({ error: "wrong name or password" });
    return;
  }
  // A new session, so that one that was foisted on the browser before is worth nothing.
  request.session.regenerate((error) => {
    if (error) {
      next(error);
      return;
    }
    request.session.user = user;
    response.json({ user });
  });
});
app.post("/logout", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.status(204).end()));
});
app.get("/healthcheck", (_request, response) => response.json({ application: "fine" }));

// Never sees what went wrong with an image: the registry answers that itself, in the way that docker understands.
app.use((error, _request, response, next) => {
  if (response.headersSent) {
    next(error);
  } else {
    response.status(error.status ?? 500).json({ error: error.expose ? error.message : "internal error" });
  }
});

const server = createServer(serverOptions, app);
server.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  await registry.close(); // pushes and pulls under way come to their end
  server.closeAllConnections(); // whatever else is still open is not waited for
});
