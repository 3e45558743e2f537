import { once } from "node:events";
import { createServer } from "node:http";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { expect, test } from "@jest/globals";
import { createAuthorize } from "../../src/htpasswd/authorize.ts";
import { createPasswords } from "../../src/htpasswd/passwords.ts";
import { startUpstream } from "../support/upstream.ts";
import { within } from "../support/within.ts";
import { fileOf } from "./bench.ts";

/** A router whose users' password is "right", by a clock that stands still. Its log is kept. */
async function startGuarded() {
  const log: string[] = [];
  const keep = (fields: object, message: string) => void log.push(JSON.stringify({ ...fields, message }));
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const check = async (_: unknown, password: string) => password === "right";
  const passwords = createPasswords(logger, { check, now: () => 0 });
  passwords.use(fileOf("alice", "bob"), "htpasswd");
  const upstream = await startUpstream();
  const handler = createCombinedRegistryHandler({
    hosted: upstream.url,
    proxy: upstream.url,
    trustProxy: ["127.0.0.1"],
    authorize: createAuthorize(passwords, "house"),
    logger,
  });
  const server = createServer(handler).listen(0, "127.0.0.1");
  await within(once(server, "listening"), "the router to listen");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("no address");
  }
  const login = async (credentials: string, client: string) => {
    const { status, headers } = await fetch(`http://127.0.0.1:${address.port}/v2/`, {
      headers: {
        Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
        "X-Forwarded-For": client,
      },
    });
    return { status, retryAfter: headers.get("retry-after"), challenge: headers.get("www-authenticate") };
  };
  return {
    log,
    login,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await handler.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

test("the eleventh wrong password of a client is answered 429 with Retry-After, and no other client", async () => {
  await using router = await startGuarded();
  const here = "192.0.2.1";
  expect(await router.login("bob:right", here)).toMatchObject({ status: 200 });
  for (let count = 0; count < 10; count += 1) {
    expect(await router.login(`mallory:secret-${count}`, here)).toEqual({
      status: 401,
      retryAfter: null,
      challenge: 'Basic realm="house", charset="UTF-8"',
    });
  }
  const throttled = { status: 429, retryAfter: "1", challenge: null };
  expect(await router.login("mallory:secret-10", here)).toEqual(throttled);
  expect(await router.login("alice:right", here)).toEqual(throttled);
  expect(await router.login("bob:right", here)).toMatchObject({ status: 200 });
  expect(await router.login("alice:right", "192.0.2.2")).toMatchObject({ status: 200 });
});

test("the log tells who was wrong and from where, and no password in any form", async () => {
  await using router = await startGuarded();
  await router.login("mallory:guessed-secret", "192.0.2.1");
  await router.login("alice:right", "192.0.2.1");
  const log = router.log.join("\n");
  expect(log).toContain('{"client":"192.0.2.1","user":"mallory","message":"wrong password"}');
  expect(log).not.toContain("guessed-secret");
  expect(log).not.toContain(Buffer.from("mallory:guessed-secret").toString("base64"));
  expect(log).not.toContain(Buffer.from("alice:right").toString("base64"));
});
