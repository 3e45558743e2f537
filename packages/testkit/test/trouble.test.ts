import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { codesOf, type Received, send, until } from "./support/client.ts";

describe("a fault", () => {
  it("answers what it is told to, to the requests it is meant for, as often as it is meant", async () => {
    await using registry = await startRegistry();
    registry.addImage("a", { tag: "1" });
    const fault = registry.fault({
      method: ["GET", "HEAD"],
      path: /manifests/,
      times: 2,
      status: 429,
      headers: { "Retry-After": "7" },
      body: { errors: [{ code: "TOOMANYREQUESTS" }] },
    });

    const answers: Received[] = [];
    for (const [method, target] of [
      ["GET", "/v2/"],
      ["GET", "/v2/a/manifests/1"],
      ["PUT", "/v2/a/manifests/2"],
      ["HEAD", "/v2/a/manifests/1"],
      ["GET", "/v2/a/manifests/1"],
    ] as const) {
      answers.push(await send(registry.url, method, target));
    }

    expect(answers.map(({ status }) => status)).toEqual([200, 429, 400, 429, 200]);
    expect(answers[1]?.headers["retry-after"]).toBe("7");
    expect(answers.slice(1, 2).map(codesOf)).toEqual([["TOOMANYREQUESTS"]]);
    expect(fault.hits).toBe(2);
  });

  it("that is newer goes first, and can be taken back", async () => {
    await using registry = await startRegistry();
    registry.fault({ status: 500 });
    const newer = registry.fault({ path: "/v2/", status: 503 });
    const status = async () => (await send(registry.url, "GET", "/v2/")).status;

    expect(await status()).toBe(503);
    newer.remove();
    expect(await status()).toBe(500);
    registry.clearFaults();
    expect(await status()).toBe(200);
  });

  it("of delay lets later requests overtake", async () => {
    await using registry = await startRegistry();
    registry.fault({ path: "/v2/", delay: 200 });
    const order: string[] = [];

    await Promise.all([
      send(registry.url, "GET", "/v2/").then(() => order.push("delayed")),
      send(registry.url, "GET", "/v2/_catalog").then(() => order.push("not delayed")),
    ]);

    expect(order).toEqual(["not delayed", "delayed"]);
  });

  it("of hang takes the request and never answers", async () => {
    await using registry = await startRegistry();
    registry.fault({ hang: true });
    const { hostname, port } = new URL(registry.url);
    const socket = connect(Number(port), hostname, () =>
      socket.write("GET /v2/ HTTP/1.1\r\nHost: r\r\n\r\n"),
    );

    await until("the request is seen", () => registry.requests.length === 1);

    expect([registry.openResponses, registry.requests[0]?.status, socket.bytesRead]).toEqual([
      1,
      undefined,
      0,
    ]);
    socket.destroy();
    await until("nothing is open", () => registry.openResponses === 0 && registry.openConnections === 0);
  });

  it("of reset resets", async () => {
    await using registry = await startRegistry();
    registry.fault({ reset: true });

    await expect(send(registry.url, "GET", "/v2/")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it.each([1, 1000, 99_999])("of cutAt breaks the connection off after %i bytes", async (cutAt) => {
    await using registry = await startRegistry();
    const { digest } = registry.addBlob("a", Buffer.alloc(100_000, "x"));
    registry.fault({ path: /blobs/, cutAt });

    const answer = await send(registry.url, "GET", `/v2/a/blobs/${digest}`);

    expect([answer.status, answer.headers["content-length"], answer.complete]).toEqual([
      200,
      "100000",
      false,
    ]);
    expect(answer.body.length).toBe(cutAt);
  });

  it("of stallAt sends no more and holds on", async () => {
    await using registry = await startRegistry();
    const { digest } = registry.addBlob("a", Buffer.alloc(100_000, "x"));
    registry.fault({ stallAt: 5000 });
    const { hostname, port } = new URL(registry.url);
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET /v2/a/blobs/${digest} HTTP/1.1\r\nHost: r\r\n\r\n`),
    );
    socket.resume();

    await until("the beginning arrives", () => socket.bytesRead > 5000);

    expect([registry.openResponses, socket.bytesRead < 6000]).toEqual([1, true]);
    socket.destroy();
  });

  it.each([{}, { hang: true, reset: true }, { status: 500, delay: 5 }] as const)(
    "with the effects %j is refused",
    async (fault) => {
      await using registry = await startRegistry();

      expect(() => registry.fault(fault)).toThrow(/a fault has one effect/);
    },
  );
});

describe("the record", () => {
  it("has each request as it was received", async () => {
    await using registry = await startRegistry();
    await send(registry.url, "PUT", "/v2/a/manifests/x?y=%2F", {
      body: "12345",
      headers: { "X-Some": "thing" },
    });

    expect(registry.requests).toEqual([
      expect.objectContaining({
        method: "PUT",
        url: "/v2/a/manifests/x?y=%2F",
        path: "/v2/a/manifests/x",
        status: 400,
        bodyBytes: 5,
      }),
    ]);
    expect(registry.requests[0]?.headers["x-some"]).toBe("thing");
    expect(registry.requests[0]?.rawHeaders).toContain("X-Some");
    registry.clearRequests();
    expect(registry.requests).toEqual([]);
  });
});

describe("authentication", () => {
  const user = { username: "alice", password: "right" };
  const basic = (password: string) => ({
    Authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`,
  });

  it("with Basic lets the user in", async () => {
    await using registry = await startRegistry({ auth: user });
    const status = async (headers = {}) => (await send(registry.url, "GET", "/v2/", { headers })).status;

    expect([await status(), await status(basic("wrong")), await status(basic("right"))]).toEqual([
      401, 401, 200,
    ]);
  });

  it("with tokens grants anybody what exists, the user the rest, and nobody more", async () => {
    await using registry = await startRegistry({ tokens: { user } });
    registry.addImage("a", { tag: "1" });
    const challenge =
      (await send(registry.url, "GET", "/v2/a/manifests/1")).headers["www-authenticate"] ?? "";
    const token = async (scope: string, headers = {}) => {
      const { body } = await send(registry.url, "GET", `/token?service=testkit&scope=${scope}`, { headers });
      return { Authorization: `Bearer ${JSON.parse(body.toString()).token}` };
    };
    const status = async (method: string, target: string, headers: object) =>
      send(registry.url, method, target, { headers: { ...headers } });

    expect(challenge).toBe(
      `Bearer realm="${registry.url}/token",service="testkit",scope="repository:a:pull"`,
    );
    expect((await status("GET", "/v2/a/manifests/1", await token("repository:a:pull"))).status).toBe(200);
    const unknown = await status("GET", "/v2/b/manifests/1", await token("repository:b:pull"));
    expect([unknown.status, unknown.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringContaining('error="insufficient_scope"'),
    ]);
    expect((await status("POST", "/v2/b/blobs/uploads/", await token("repository:b:pull,push"))).status).toBe(
      401,
    );
    expect(
      (await status("POST", "/v2/b/blobs/uploads/", await token("repository:b:pull,push", basic("right"))))
        .status,
    ).toBe(202);
    expect((await send(registry.url, "GET", "/token", { headers: basic("wrong") })).status).toBe(401);
  });
});

describe("the token endpoint", () => {
  const user = { username: "alice", password: "r&ght" };
  const basic = `Basic ${Buffer.from("alice:r&ght").toString("base64")}`;
  const formOf = (fields: Record<string, string>) => ({
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
  const form = formOf({
    grant_type: "password",
    service: "testkit",
    client_id: "test",
    scope: "repository:a:pull,push repository:b:pull",
    ...user,
  });
  const tokenIn = ({ body }: Received) => ({ Authorization: `Bearer ${JSON.parse(body.toString()).token}` });

  it("takes a form as well, with several scopes in it", async () => {
    await using registry = await startRegistry({ tokens: { user } });

    const headers = tokenIn(await send(registry.url, "POST", "/token", form));

    expect((await send(registry.url, "POST", "/v2/a/blobs/uploads/", { headers })).status).toBe(202);
    expect((await send(registry.url, "GET", "/v2/b/tags/list", { headers })).status).toBe(404);
    expect((await send(registry.url, "POST", "/v2/b/blobs/uploads/", { headers })).status).toBe(401);
  });

  it.each([
    ["a wrong password", { grant_type: "password", username: "alice", password: "wrong" }],
    ["no user", { grant_type: "password" }],
    ["another grant", { grant_type: "refresh_token", ...user }],
  ])("refuses a form with %s", async (_, fields) => {
    await using registry = await startRegistry({ tokens: { user } });

    expect((await send(registry.url, "POST", "/token", formOf(fields))).status).toBe(401);
  });

  it.each([
    ["GET", [200, 405]],
    ["POST", [405, 200]],
    ["both", [200, 200]],
  ] as const)("that wants to be asked with %s answers GET and POST %j", async (method, statuses) => {
    await using registry = await startRegistry({ tokens: { user, method } });

    const get = await send(registry.url, "GET", "/token", { headers: { Authorization: basic } });
    const post = await send(registry.url, "POST", "/token", form);

    expect([get.status, post.status]).toEqual(statuses);
  });

  it.each([
    ["forwarded", "https://public.example/token"],
    ["own", "/token"],
  ] as const)("is named by the host that is %s", async (realm, expected) => {
    await using registry = await startRegistry({ tokens: { realm } });
    const headers = { "X-Forwarded-Host": "public.example", "X-Forwarded-Proto": "https" };

    const challenge = (await send(registry.url, "GET", "/v2/", { headers })).headers["www-authenticate"];

    const address = realm === "own" ? `${registry.url}${expected}` : expected;
    expect(challenge).toBe(`Bearer realm="${address}",service="testkit"`);
  });

  it("without anonymous tokens has none for strangers", async () => {
    await using registry = await startRegistry({ tokens: { user, anonymous: false } });

    const stranger = await send(registry.url, "GET", "/token");
    const known = await send(registry.url, "GET", "/token", { headers: { Authorization: basic } });

    expect([stranger.status, known.status]).toEqual([401, 200]);
  });

  it("gives out tokens that can be revoked, and others after that", async () => {
    await using registry = await startRegistry({ tokens: {} });
    const token = async () => tokenIn(await send(registry.url, "GET", "/token"));
    const status = async (headers: object) =>
      (await send(registry.url, "GET", "/v2/", { headers: { ...headers } })).status;
    const old = await token();

    const before = await status(old);
    registry.revokeTokens();

    expect([before, await status(old), await status(await token())]).toEqual([200, 401, 200]);
  });
});

describe("a rate limit", () => {
  it("counts each GET of a manifest, tells with HEAD too, and answers 429 beyond", async () => {
    await using registry = await startRegistry({ rateLimit: { pulls: 2, window: 600, retryAfter: 30 } });
    registry.addImage("a", { tag: "1" });
    const seen: (string | number | undefined)[][] = [];
    for (const method of ["HEAD", "GET", "GET", "HEAD", "GET", "HEAD"]) {
      const { status, headers } = await send(registry.url, method, "/v2/a/manifests/1");
      seen.push([method, status, String(headers["ratelimit-remaining"]), headers["retry-after"]]);
    }

    expect(seen).toEqual([
      ["HEAD", 200, "2;w=600", undefined],
      ["GET", 200, "1;w=600", undefined],
      ["GET", 200, "0;w=600", undefined],
      ["HEAD", 200, "0;w=600", undefined],
      ["GET", 429, "0;w=600", "30"],
      ["HEAD", 200, "0;w=600", undefined],
    ]);
    expect(codesOf(await send(registry.url, "GET", "/v2/a/manifests/1"))).toEqual(["TOOMANYREQUESTS"]);
  });

  it("leaves everything else alone, and begins anew after its window", async () => {
    await using registry = await startRegistry({ rateLimit: { pulls: 1, window: 0.02 } });
    registry.addImage("a", { tag: "1" });
    const status = async (target: string) => (await send(registry.url, "GET", target)).status;

    expect([await status("/v2/"), await status("/v2/a/tags/list")]).toEqual([200, 200]);
    await status("/v2/a/manifests/1");
    const end = performance.now() + 5000;
    let last = 0;
    while (last !== 200 && performance.now() < end) {
      last = await status("/v2/a/manifests/1");
    }
    expect(last).toBe(200);
  });
});

describe("redirects to object storage", () => {
  it("lead to where the blob is served without names, and without credentials", async () => {
    await using storage = await startRegistry();
    await using registry = await startRegistry({ redirectBlobs: storage.url });
    const { digest } = registry.addBlob("a", "content");
    storage.addBlob("anything", "content");

    const redirect = await send(registry.url, "GET", `/v2/a/blobs/${digest}`);
    const { pathname } = new URL(redirect.headers.location ?? "");
    const [plain, withCredentials] = [
      await send(storage.url, "GET", pathname),
      await send(storage.url, "GET", pathname, { headers: { Authorization: "Basic eA==" } }),
    ];

    expect([redirect.status, plain.body.toString(), withCredentials.status]).toEqual([307, "content", 400]);
  });
});
