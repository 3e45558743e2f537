import type {
  AccessRequest,
  AuthorizeHook,
  AuthorizeResult,
  CombinedRegistryConfig,
} from "@combined-registry/core";
import { type Fault, startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { closedPort, startRouter } from "../../support/router.ts";
import { startRuled } from "../../support/users.ts";

const digest = `sha256:${"a".repeat(64)}`;

async function startAuthorized(
  authorize: AuthorizeHook,
  options: Pick<CombinedRegistryConfig, "operations" | "trustProxy"> = {},
) {
  const sides = await startRuled([], { authorize, ...options });
  sides.proxy.addImage("library/hello", { tag: "1.0", layers: ["x"] });
  return sides;
}

describe("authorize gets the access that a request needs", () => {
  it.each<[string, string, Omit<AccessRequest, "client">[]]>([
    ["GET", "/v2/", [{ repository: undefined, access: "base" }]],
    ["GET", "/v2/_catalog", [{ repository: undefined, access: "catalog" }]],
    ["HEAD", "/v2/a/b/manifests/1", [{ repository: "a/b", access: "pull" }]],
    ["GET", "/v2/a/tags/list", [{ repository: "a", access: "pull" }]],
    ["GET", `/v2/a/referrers/${digest}`, [{ repository: "a", access: "pull" }]],
    ["PUT", "/v2/a/manifests/1", [{ repository: "a", access: "push" }]],
    ["DELETE", `/v2/a/manifests/${digest}`, [{ repository: "a", access: "delete" }]],
    ["POST", "/v2/a/blobs/uploads/", [{ repository: "a", access: "push" }]],
    ["GET", "/v2/a/blobs/uploads/1", [{ repository: "a", access: "push" }]],
    ["DELETE", "/v2/a/blobs/uploads/1", [{ repository: "a", access: "push" }]],
    [
      "POST",
      `/v2/a/blobs/uploads/?mount=${digest}&from=b`,
      [
        { repository: "a", access: "push" },
        { repository: "b", access: "pull" },
      ],
    ],
  ])("%s %s", async (method, target, wanted) => {
    const asked: AccessRequest[] = [];
    await using sides = await startAuthorized((_request, access) => {
      asked.push(access);
      return "allow";
    });

    await fetchRaw(sides.router.url, target, { method });

    expect(asked).toEqual(wanted.map((one) => ({ ...one, client: "127.0.0.1" })));
  });
});

it("authorize gets the client's address behind a trusted load balancer", async () => {
  const clients: string[] = [];
  await using sides = await startAuthorized(
    (_request, { client }) => {
      clients.push(client);
      return "allow";
    },
    { trustProxy: ["127.0.0.1"] },
  );

  await fetchRaw(sides.router.url, "/v2/", { headers: { "X-Forwarded-For": "203.0.113.7, 198.51.100.9" } });

  expect(clients).toEqual(["198.51.100.9"]);
});

describe("the result of authorize", () => {
  it.each<[string, AuthorizeResult, number, string, object]>([
    [
      "challenge",
      "challenge",
      401,
      "UNAUTHORIZED",
      { "www-authenticate": 'Basic realm="combined-registry", charset="UTF-8"' },
    ],
    [
      "its own challenge",
      { decision: "challenge", challenge: 'Bearer realm="https://t"' },
      401,
      "UNAUTHORIZED",
      { "www-authenticate": 'Bearer realm="https://t"' },
    ],
    ["deny", "deny", 403, "DENIED", {}],
    ["deny with a sentence", { decision: "deny", message: "not on Sundays" }, 403, "DENIED", {}],
    ["throttle", { decision: "throttle", retryAfter: 2.2 }, 429, "TOOMANYREQUESTS", { "retry-after": "3" }],
  ])("%s is an OCI error, and no upstream is asked", async (_, verdict, status, code, headers) => {
    await using sides = await startAuthorized(async () => verdict);

    const answer = await fetchRaw(sides.router.url, "/v2/library/hello/manifests/1.0");

    expect(answer.status).toBe(status);
    expect(errorOf(answer).code).toBe(code);
    expect(answer.headers).toMatchObject({ ...headers, "docker-distribution-api-version": "registry/2.0" });
    expect([...sides.proxy.requests, ...sides.hosted.requests]).toEqual([]);
  });

  it("refuses a mount when the source may not be pulled", async () => {
    await using sides = await startAuthorized((_request, { repository }) =>
      repository === "secret" ? "deny" : "allow",
    );

    const answer = await fetchRaw(sides.router.url, `/v2/a/blobs/uploads/?mount=${digest}&from=secret`, {
      method: "POST",
    });

    expect(answer.status).toBe(403);
    expect(sides.hosted.requests).toEqual([]);
  });

  it("is 500 when it throws, and never permission", async () => {
    await using sides = await startAuthorized(() => {
      throw new Error("the session store is away");
    });

    const answer = await fetchRaw(sides.router.url, "/v2/library/hello/manifests/1.0");

    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain("session store");
    expect(sides.proxy.requests).toEqual([]);
  });
});

describe("credentials", () => {
  it("of a client reach no upstream and no log line", async () => {
    const secret = `Basic ${Buffer.from("alice:hunter2").toString("base64")}`;
    await using sides = await startAuthorized(() => ({ decision: "allow", user: "alice" }));
    const headers = { Authorization: secret, Cookie: "session=hunter2" };

    for (const [method, target] of [
      ["GET", "/v2/"],
      ["GET", "/v2/library/hello/manifests/1.0"],
      ["GET", "/v2/nobody/has/manifests/it"],
      ["GET", "/v2/library/hello/tags/list?token=hunter2"],
      ["GET", `/v2/library/hello/referrers/${digest}`],
      ["POST", "/v2/team/app/blobs/uploads/"],
      ["PUT", "/v2/team/app/manifests/1"],
      ["DELETE", `/v2/team/app/blobs/${digest}`],
    ] as const) {
      await fetchRaw(sides.router.url, target, { method, headers });
    }

    const seen = [...sides.proxy.requests, ...sides.hosted.requests];
    expect(seen.length).toBeGreaterThan(8);
    for (const { headers: upstreamHeaders } of seen) {
      expect(upstreamHeaders.authorization).toBeUndefined();
      expect(upstreamHeaders.cookie).toBeUndefined();
    }
    expect(sides.logged).toContainEqual(
      expect.objectContaining({ user: "alice", route: "manifest", status: 200, upstream: "proxy" }),
    );
    expect(JSON.stringify(sides.logged)).not.toMatch(/hunter2|YWxpY2U6aHVudGVyMg/);
  });

  it("of a client reach no upstream without an authorize hook either, unless hosted has auth passthrough", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry({ auth: { username: "alice", password: "right" } });
    await using closed = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    await using open = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });
    const headers = { Authorization: `Basic ${Buffer.from("alice:right").toString("base64")}` };

    const kept = await fetchRaw(closed.url, "/v2/a/blobs/uploads/", { method: "POST", headers });
    expect(hosted.requests.every((request) => request.headers.authorization === undefined)).toBe(true);
    const passed = await fetchRaw(open.url, "/v2/a/blobs/uploads/", { method: "POST", headers });
    await fetchRaw(open.url, "/v2/a/manifests/1", { headers });

    expect([kept.status, passed.status]).toEqual([502, 202]);
    expect(proxy.requests.length).toBeGreaterThan(0);
    expect(proxy.requests.every((request) => request.headers.authorization === undefined)).toBe(true);
  });
});

describe("passthrough", () => {
  it("lets hosted's own challenge reach the client at /v2/, so that docker logs in there", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry({ auth: { username: "alice", password: "right" } });
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });
    const asking = async (password?: string) =>
      fetchRaw(router.url, "/v2/", {
        headers:
          password === undefined
            ? {}
            : { Authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}` },
      });

    const [anonymous, wrong, right] = [await asking(), await asking("wrong"), await asking("right")];
    const direct = await fetchRaw(hosted.url, "/v2/");

    expect([anonymous.status, wrong.status, right.status]).toEqual([401, 401, 200]);
    expect(anonymous.headers["www-authenticate"]).toBe(direct.headers["www-authenticate"]);
    expect(anonymous.body.toString()).toBe(direct.body.toString());
  });

  const bases = ["all", "hosted", "any"] as const;
  const troubles: [string, Fault, number, RegExp][] = [
    ["breaks off", { reset: true }, 502, /^hosted failed \(connection closed/],
    ["is late", { hang: true }, 504, /^hosted failed \(timeout after 100 ms\)$/],
    ["fails", { status: 500 }, 502, /^hosted failed \(answered 500\)$/],
    ["limits its clients", { status: 429 }, 429, /^hosted failed \(rate limited\)$/],
    ["is no registry", { status: 404 }, 502, /^hosted failed \(answered 404\)$/],
    ["leads elsewhere", { status: 302 }, 502, /^hosted failed \(answered 302\)$/],
  ];
  it.each(bases.flatMap((base) => troubles.map((trouble) => [base, ...trouble] as const)))(
    "takes no password for right at /v2/ that hosted did not judge (base: %s): hosted %s",
    async (base, _, fault, status, message) => {
      await using proxy = await startRegistry();
      await using hosted = await startRegistry({ auth: { username: "alice", password: "right" } });
      await using router = await startRouter({
        hosted: { url: hosted.url, auth: "passthrough", timeouts: { headers: 100 } },
        proxy: proxy.url,
        base,
      });
      hosted.fault({ ...fault, times: 1 });

      const headers = { Authorization: `Basic ${Buffer.from("alice:wrong").toString("base64")}` };
      const answer = await fetchRaw(router.url, "/v2/", { headers });

      expect(answer.status).toBe(status);
      expect(errorOf(answer).message).toMatch(message);
    },
  );

  it("accepts no password at /v2/ while hosted's circuit is open or hosted is down", async () => {
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: {
        url: `http://127.0.0.1:${await closedPort()}`,
        auth: "passthrough",
        breaker: { failures: 1, delay: 60_000, longestDelay: 60_000 },
      },
      proxy: proxy.url,
      base: "any",
    });

    const [gone, leftOut] = [await fetchRaw(router.url, "/v2/"), await fetchRaw(router.url, "/v2/")];

    expect([gone, leftOut].map((answer) => [answer.status, errorOf(answer).message])).toEqual([
      [502, "hosted failed (connection refused)"],
      [503, "hosted failed (circuit open)"],
    ]);
    expect(leftOut.headers["retry-after"]).toMatch(/^\d+$/);
  });
});

describe("the router's own pages", () => {
  it("are public unless they are protected", async () => {
    await using open = await startAuthorized(() => "challenge");
    await using guarded = await startAuthorized(() => "challenge", { operations: "protected" });

    const statuses = async (url: string) =>
      Promise.all(
        ["/healthcheck", "/livez", "/readyz", "/metrics"].map(
          async (path) => (await fetchRaw(url, path)).status,
        ),
      );

    expect(await statuses(open.router.url)).toEqual([200, 200, 200, 200]);
    expect(await statuses(guarded.router.url)).toEqual([401, 401, 401, 401]);
  });
});
