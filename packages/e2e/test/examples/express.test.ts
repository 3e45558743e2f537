import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { type ExampleServer, installExample, startExample } from "../../src/example.ts";
import { type Reply, request } from "../../src/http.ts";
import { image } from "../../src/images.ts";
import { Resources } from "../../src/resources.ts";
import { seed } from "../../src/seed.ts";

const json = { "Content-Type": "application/json" };
const uploads = "/v2/team/app/blobs/uploads/";
const manifest = "/v2/team/app/manifests/1.0";

jest.setTimeout(30_000);

describe("who may do what in examples/express", () => {
  const resources = new Resources();
  let cache: TestRegistry;
  let hosted: TestRegistry;
  let folder: string;
  let server: ExampleServer;
  const start = async () =>
    resources.use(await startExample(folder, { HOSTED: hosted.url, PROXY: cache.url }));

  beforeAll(async () => {
    folder = await installExample("express", resources);
    cache = resources.use(await startRegistry());
    hosted = resources.use(await startRegistry());
    hosted.addImage("team/app", { tag: "1.0" });
    server = await start();
  }, 240_000);
  afterAll(() => resources[Symbol.asyncDispose](), 60_000);

  const login = (name: string, password: string, { origin } = server): Promise<Reply> =>
    request(origin, "POST", "/login", { headers: json, body: JSON.stringify({ name, password }) });

  async function cookieOf(name: string, password: string): Promise<string> {
    const { headers } = await login(name, password);
    const [cookie = ""] = headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    return cookie.replace(/;.*/, "");
  }

  const basic = (user: string) => ({ Authorization: `Basic ${Buffer.from(user).toString("base64")}` });

  const statusOf = async (method: string, target: string, headers: Record<string, string> = {}) =>
    (await request(server.origin, method, target, { headers })).status;

  it("lets whoever has logged in pull and push with the session, until they log out", async () => {
    const session = { Cookie: await cookieOf("alice", "wonderland") };

    await seed(server.origin, "team/page", "1.0", await image("pushed from a page"), session);
    expect(await statusOf("GET", "/v2/team/page/manifests/1.0", session)).toBe(200);
    expect(hosted.requests.map(({ headers }) => headers.cookie)).not.toContain(session.Cookie);

    expect(await statusOf("POST", "/logout", session)).toBe(204);
    expect(await statusOf("GET", manifest, session)).toBe(401);
  });

  it("lets nobody do more than their role, whichever way they come", async () => {
    for (const bob of [{ Cookie: await cookieOf("bob", "builder") }, basic("bob:builder")]) {
      expect(await statusOf("GET", "/v2/", bob)).toBe(200);
      expect(await statusOf("GET", manifest, bob)).toBe(200);
      const refused = await request(server.origin, "POST", uploads, { headers: bob });
      expect([refused.status, refused.body.toString()]).toEqual([
        403,
        expect.stringContaining("bob may not push team/app"),
      ]);
    }
    expect(await statusOf("DELETE", manifest, basic("alice:wonderland"))).toBe(403);
  });

  it("refuses who says nothing, who is not known, and a wrong password even with a good session", async () => {
    const session = { Cookie: await cookieOf("alice", "wonderland") };
    const unknown = [
      {},
      basic("mallory:x"),
      basic("alice:builder"),
      { ...session, ...basic("alice:builder") },
    ];

    for (const headers of [...unknown, { Authorization: "Basic !" }, { Authorization: "Bearer x" }]) {
      const refused = await request(server.origin, "GET", "/v2/", { headers });
      expect([refused.status, refused.headers["www-authenticate"]]).toEqual([
        401,
        'Basic realm="example", charset="UTF-8"',
      ]);
    }
    for (const [name, password] of [
      ["alice", "builder"],
      ["mallory", "x"],
    ] as const) {
      const refused = await login(name, password);
      expect([refused.status, refused.headers["set-cookie"]]).toEqual([401, undefined]);
    }
  });

  it("begins no session for docker, and leaves the application's pages to everybody", async () => {
    const base = await request(server.origin, "GET", "/v2/", { headers: basic("alice:wonderland") });

    expect(base.headers["set-cookie"]).toBeUndefined();
    expect(await statusOf("GET", "/healthcheck")).toBe(200);
  });

  it("has an address wait after ten wrong passwords, whichever way they come, and lets sessions go on", async () => {
    const guessed = await start();
    const base = (headers: Record<string, string>) => request(guessed.origin, "GET", "/v2/", { headers });
    const { headers } = await login("alice", "wonderland", guessed);
    const session = { Cookie: (headers["set-cookie"] ?? []).join().replace(/;.*/, "") };

    for (let wrong = 0; wrong < 5; wrong++) {
      expect((await login("alice", `guess ${wrong}`, guessed)).status).toBe(401);
      expect((await base(basic(`bob:guess ${wrong}`))).status).toBe(401);
    }

    for (const refused of [
      await login("alice", "wonderland", guessed),
      await base(basic("alice:wonderland")),
      await base(basic("alice:wrong")),
    ]) {
      expect(refused.status).toBe(429);
      expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
      expect(refused.body.toString()).toContain("too many wrong passwords");
    }
    expect((await base(session)).status).toBe(200);
  });

  it("says of hardly more than ten of many guesses at once that they are wrong", async () => {
    const guessed = await start();
    const guesses = Array.from({ length: 40 }, (_, guess) => login("alice", `guess ${guess}`, guessed));

    const statuses = (await Promise.all(guesses)).map(({ status }) => status);

    const wrong = statuses.filter((status) => status === 401).length;
    expect(wrong).toBeGreaterThanOrEqual(10);
    // Each of scrypt's four threads may end one before the tenth is counted.
    expect(wrong).toBeLessThan(15);
    expect(statuses.filter((status) => status === 429).length).toBe(40 - wrong);
  });
});
