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
  operations: "off", // the application has its own health and metrics
  authorize,
});

const app = express();
app.use(
  session({
    // Without a `store`, sessions are in the memory of this process. They are lost when it ends, other processes do not know them, and
    // expired sessions stay until they are used again. In production use a store, such as connect-redis or connect-pg-simple.
    // A random secret ends all sessions when the process ends, and does not work with two processes.
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString("hex"),
    resave: false,
    saveUninitialized: false, // docker keeps no cookies: with true, each of its requests would create a session
    // strict: a session can push, so a browser must not send it with requests from other sites
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
  // A new session, against session fixation: an attacker may have given the browser the old one.
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

// Errors of the registry never get here: it answers them itself, in the format that docker understands.
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
  await registry.close(); // waits for pushes and pulls in flight
  server.closeAllConnections(); // closes all other connections at once
});
