import type { AuthorizeHook, CombinedRegistryConfig, RuleConfig } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { asUser, startRuled, users, wrongPassword } from "../../support/users.ts";
import { until } from "../../support/within.ts";

const digest = `sha256:${"a".repeat(64)}`;
const rules: readonly RuleConfig[] = [
  { match: "team-a/**", access: { pull: "anonymous", push: ["alice"] } },
  { match: "**", access: { pull: "authenticated" } },
];
const secret = asUser("alice").slice("Basic ".length);

const challengeOf = ({ headers }: Received) => headers["www-authenticate"];
const json = ({ body }: Received) => JSON.parse(body.toString());

describe("where some access is anonymous, clients are challenged for a token", () => {
  it.each([
    ["GET", "", undefined],
    ["GET", "_catalog", "registry:catalog:*"],
    ["GET", "team-b/app/manifests/1", "repository:team-b/app:pull"],
    ["POST", "team-a/app/blobs/uploads/", "repository:team-a/app:pull,push"],
    ["DELETE", `team-a/app/manifests/${digest}`, "repository:team-a/app:delete"],
    [
      "POST",
      `team-a/app/blobs/uploads/?mount=${digest}&from=team-b/app`,
      "repository:team-a/app:pull,push repository:team-b/app:pull",
    ],
  ])("%s /v2/%s", async (method, rest, scope) => {
    await using sides = await startRuled(rules);
    const { host } = new URL(sides.router.url);

    const answer = await fetchRaw(sides.router.url, `/v2/${rest}`, { method });

    expect(answer.status).toBe(401);
    expect(challengeOf(answer)).toBe(
      `Bearer realm="http://${host}/v2/token",service="${host}"${scope === undefined ? "" : `,scope="${scope}"`}`,
    );
    expect(sides.hosted.requests).toEqual([]);
  });

  it.each<[string, Partial<CombinedRegistryConfig>, Record<string, string>, string]>([
    ["Host", {}, { Host: "registry.example.com" }, "http://registry.example.com"],
    [
      "a trusted load balancer",
      { trustProxy: ["127.0.0.1"] },
      { Host: "inside:5000", "X-Forwarded-Host": "registry.example.com", "X-Forwarded-Proto": "https" },
      "https://registry.example.com",
    ],
    [
      "no untrusted load balancer",
      {},
      { Host: "registry.example.com", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https" },
      "http://registry.example.com",
    ],
    [
      "a trusted one, without ending the quoted value early",
      { trustProxy: ["127.0.0.1"] },
      { Host: "inside", "X-Forwarded-Host": 'a",realm="b' },
      "http://a'",
    ],
  ])("with the realm of %s", async (_, options, headers, origin) => {
    await using sides = await startRuled(rules, options);

    const answer = await fetchRaw(sides.router.url, "/v2/", { headers });

    expect(challengeOf(answer)).toContain(`Bearer realm="${origin}`);
    expect(String(challengeOf(answer)).match(/"/g)).toHaveLength(4);
  });

  it("unless the hook sends its own challenge", async () => {
    const challenge = 'Bearer realm="https://login.example/token"';
    const asked: (string | undefined)[] = [];
    await using sides = await startRuled(rules, {
      authorize: (request) => {
        asked.push(request.headers.authorization);
        return { decision: "challenge", challenge };
      },
    });

    const answer = await fetchRaw(sides.router.url, "/v2/", { headers: { Authorization: "Bearer ey.J.x" } });

    expect([challengeOf(answer), asked]).toEqual([challenge, ["Bearer ey.J.x"]]);
  });

  it("but not where every client needs credentials: the challenge is Basic, and there are no tokens", async () => {
    await using sides = await startRuled([{ match: "**", access: { pull: "authenticated" } }]);

    const base = await fetchRaw(sides.router.url, "/v2/");
    const token = await fetchRaw(sides.router.url, "/v2/token");
    const withToken = await fetchRaw(sides.router.url, "/v2/", {
      headers: { Authorization: `Bearer basic.${secret}` },
    });

    expect(challengeOf(base)).toBe('Basic realm="combined-registry", charset="UTF-8"');
    expect([token.status, errorOf(token).code]).toEqual([404, "NOT_FOUND"]);
    expect(withToken.status).toBe(401);
  });

  it("and not on the router's own pages", async () => {
    await using sides = await startRuled(rules, { operations: "protected" });

    const page = await fetchRaw(sides.router.url, "/metrics");

    expect([page.status, challengeOf(page)]).toEqual([
      401,
      'Basic realm="combined-registry", charset="UTF-8"',
    ]);
  });
});

describe("GET /v2/token", () => {
  it.each<[string, Record<string, string>, number]>([
    ["without credentials", {}, 401],
    ["with right credentials", { Authorization: asUser("alice") }, 404],
  ])("%s gives a token with the same rights", async (_, headers, pulled) => {
    await using sides = await startRuled(rules);

    const answer = await fetchRaw(sides.router.url, "/v2/token?service=x&scope=repository:team-b/app:pull", {
      headers,
    });
    const { token } = json(answer);
    const ask = (path: string) =>
      fetchRaw(sides.router.url, path, { headers: { Authorization: `Bearer ${token}` } });

    expect(json(answer)).toEqual({ token: expect.any(String), access_token: token, expires_in: 300 });
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect((await ask("/v2/")).status).toBe(200);
    expect((await ask("/v2/team-a/app/tags/list")).status).toBe(404);
    expect((await ask("/v2/team-b/app/tags/list")).status).toBe(pulled);
  });

  it.each([
    ["a wrong password", wrongPassword],
    ["Basic that cannot be read", "Basic !"],
    ["no Basic", "Bearer anonymous"],
    ["an empty value", ""],
  ])("refuses %s with a challenge for Basic, and gives no anonymous token instead", async (_, sent) => {
    await using sides = await startRuled(rules);

    const answer = await fetchRaw(sides.router.url, "/v2/token", { headers: { Authorization: sent } });

    expect(answer.status).toBe(401);
    expect(challengeOf(answer)).toMatch(/^Basic /);
    expect(errorOf(answer).code).toBe("UNAUTHORIZED");
  });

  it("accepts Basic alone, whatever else a hook accepts", async () => {
    await using sides = await startRuled(rules, { authorize: () => "allow" });

    const answer = await fetchRaw(sides.router.url, "/v2/token", {
      headers: { Authorization: "Bearer ey.J.x" },
    });

    expect([answer.status, answer.body.toString().includes("ey.J.x")]).toEqual([401, false]);
  });

  it.each<[string, AuthorizeHook, number]>([
    ["is 429 when the hook throttles", () => ({ decision: "throttle", retryAfter: 3 }), 429],
    ["is 403 when the hook denies", () => "deny", 403],
    ["is 500 when the hook throws", () => Promise.reject(new Error("away")), 500],
  ])("%s", async (_, authorize, status) => {
    await using sides = await startRuled(rules, { authorize });

    const answer = await fetchRaw(sides.router.url, "/v2/token", {
      headers: { Authorization: wrongPassword },
    });

    expect(answer.status).toBe(status);
  });

  it.each(["POST", "HEAD", "PUT"])("answers %s with 405, after which clients try GET", async (method) => {
    await using sides = await startRuled(rules);

    const answer = await fetchRaw(sides.router.url, "/v2/token", {
      method,
      ...(method !== "HEAD" && { body: "grant_type=password&username=alice&password=p" }),
    });

    expect([answer.status, answer.headers.allow]).toEqual([405, "GET"]);
  });

  it("calls the hook for a login, and asks no upstream", async () => {
    const asked: object[] = [];
    await using sides = await startRuled(rules, {
      authorize: (request, wanted) => {
        asked.push(wanted);
        return users(request, wanted);
      },
    });

    await fetchRaw(sides.router.url, "/v2/token", { headers: { Authorization: asUser("alice") } });

    expect(asked).toEqual([{ repository: undefined, access: "base", client: "127.0.0.1" }]);
    expect([...sides.proxy.requests, ...sides.hosted.requests]).toEqual([]);
  });
});

describe("a token", () => {
  it("reaches neither an upstream nor the log, which has the user's name", async () => {
    await using sides = await startRuled(rules);
    const headers = { Authorization: `Bearer basic.${secret}` };

    await fetchRaw(sides.router.url, "/v2/token?account=alice", {
      headers: { Authorization: asUser("alice") },
    });
    await fetchRaw(sides.router.url, "/v2/team-a/app/tags/list", { headers });
    await fetchRaw(sides.router.url, "/v2/team-a/app/blobs/uploads/", { headers, method: "POST" });

    await until(2_000, "three log lines", () => sides.logged.length === 3);
    expect(sides.logged.map(({ route, user }) => [route, user])).toEqual([
      ["token", "alice"],
      ["tags", "alice"],
      ["uploads", "alice"],
    ]);
    const heard = [...sides.proxy.requests, ...sides.hosted.requests].flatMap(({ rawHeaders }) => rawHeaders);
    expect(heard.map((text) => text.toLowerCase())).not.toContain("authorization");
    expect(JSON.stringify([heard, sides.logged])).not.toContain(secret);
  });

  it.each([
    ["of a user", secret],
    ["with an invalid character", `basic.${secret}!`],
    ["of another kind", "basic.e30.e30"],
    ["similar to the anonymous one", "Anonymous"],
  ])("that the router has not issued (%s) goes to the hook unchanged", async (_, token) => {
    const asked: (string | undefined)[] = [];
    await using sides = await startRuled(rules, {
      authorize: (request) => {
        asked.push(request.headers.authorization);
        return "challenge";
      },
    });

    const answer = await fetchRaw(sides.router.url, "/v2/team-a/app/tags/list", {
      headers: { Authorization: `Bearer ${token}` },
    });

    expect([answer.status, asked]).toEqual([401, [`Bearer ${token}`]]);
  });
});
