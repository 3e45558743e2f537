import type { RuleConfig } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { asUser, startRuled, users, wrongPassword } from "../../support/users.ts";
import { until } from "../../support/within.ts";

const digest = `sha256:${"a".repeat(64)}`;
const rules: readonly RuleConfig[] = [
  { match: "open/**", access: { pull: "anonymous", push: "anonymous" } },
  { match: "known/**", access: { pull: "authenticated", push: "authenticated" } },
  { match: "theirs/**", access: { pull: ["alice", "carol"], push: ["alice", "carol"] } },
  { match: "shown/**", access: { pull: "anonymous", push: ["alice"] } },
  { match: "dropped/**", access: { pull: ["bob"], push: "authenticated" } },
];

const tokenOf = (user: string) => asUser(user).replace(/^Basic /, "Bearer basic.");
const clients = {
  "an anonymous client": undefined,
  "an anonymous token": "Bearer anonymous",
  "a wrong password": wrongPassword,
  "a token of a wrong password": wrongPassword.replace(/^Basic /, "Bearer basic."),
  alice: asUser("alice"),
  "alice with a token": tokenOf("alice"),
  bob: asUser("bob"),
  "bob with a token": tokenOf("bob"),
};
type Client = keyof typeof clients;

const anonymous: readonly Client[] = ["an anonymous client", "an anonymous token"];
const alice: readonly Client[] = ["alice", "alice with a token"];
const bob: readonly Client[] = ["bob", "bob with a token"];
const everyClient = [...anonymous, ...alice, ...bob];

/** By namespace: the clients that are admitted, and the known users that are denied. All others are challenged. */
const mayPull: Readonly<Record<string, { passes: readonly Client[]; denied: readonly Client[] }>> = {
  open: { passes: everyClient, denied: [] },
  known: { passes: [...alice, ...bob], denied: [] },
  theirs: { passes: alice, denied: bob },
  shown: { passes: everyClient, denied: [] },
  dropped: { passes: bob, denied: alice },
  unruled: { passes: [...alice, ...bob], denied: [] },
};
const mayPush: typeof mayPull = {
  ...mayPull,
  shown: { passes: alice, denied: bob },
  dropped: { passes: [...alice, ...bob], denied: [] },
};

describe.each<[string, string, typeof mayPull]>([
  ["GET", "manifests/1", mayPull],
  ["HEAD", "manifests/1", mayPull],
  ["GET", `manifests/${digest}`, mayPull],
  ["HEAD", `manifests/${digest}`, mayPull],
  ["GET", `blobs/${digest}`, mayPull],
  ["HEAD", `blobs/${digest}`, mayPull],
  ["GET", "tags/list", mayPull],
  ["GET", "tags/list?n=1&last=a", mayPull],
  ["GET", `referrers/${digest}`, mayPull],
  ["PUT", "manifests/1", mayPush],
  ["DELETE", "manifests/1", mayPush],
  ["DELETE", `manifests/${digest}`, mayPush],
  ["DELETE", `blobs/${digest}`, mayPush],
  ["POST", "blobs/uploads/", mayPush],
  ["POST", `blobs/uploads/?digest=${digest}`, mayPush],
  ["GET", "blobs/uploads/1", mayPush],
  ["PATCH", "blobs/uploads/1", mayPush],
  ["PUT", `blobs/uploads/1?digest=${digest}`, mayPush],
  ["DELETE", "blobs/uploads/1", mayPush],
])("%s %s", (method, rest, table) => {
  it.each(Object.entries(table))("of %s/app", async (namespace, { passes, denied }) => {
    await using sides = await startRuled(rules);
    const results = new Map<string, string>();

    for (const [client, authorization] of Object.entries(clients)) {
      sides.proxy.clearRequests();
      sides.hosted.clearRequests();
      const { status } = await fetchRaw(sides.router.url, `/v2/${namespace}/app/${rest}`, {
        method,
        headers: authorization === undefined ? {} : { Authorization: authorization },
      });
      const asked = sides.proxy.requests.length + sides.hosted.requests.length > 0;
      results.set(client, asked ? "passes" : String(status));
    }

    const expected = (client: Client) =>
      passes.includes(client) ? "passes" : denied.includes(client) ? "403" : "401";
    expect(Object.fromEntries(results)).toEqual(
      Object.fromEntries(Object.keys(clients).map((client) => [client, expected(client as Client)])),
    );
  });
});

describe("a mount needs the right to pull its source", () => {
  it.each<[string, string | undefined, number]>([
    ["open/app", undefined, 202],
    ["shown/app", undefined, 202],
    ["known/app", undefined, 401],
    ["theirs/app", undefined, 401],
    ["unruled/app", undefined, 401],
    ["theirs/app", asUser("alice"), 202],
    ["theirs/app", asUser("bob"), 403],
    ["dropped/app", asUser("alice"), 403],
    ["dropped/app", asUser("bob"), 202],
    ["shown/app", wrongPassword, 401],
  ])("from %s, with %s", async (from, authorization, status) => {
    await using sides = await startRuled(rules);

    const answer = await fetchRaw(
      sides.router.url,
      `/v2/open/to/blobs/uploads/?mount=${digest}&from=${from}`,
      {
        method: "POST",
        headers: authorization === undefined ? {} : { Authorization: authorization },
      },
    );

    expect(answer.status).toBe(status);
    expect(sides.hosted.requests.map(({ method }) => method)).toEqual(status === 202 ? ["POST", "HEAD"] : []);
  });

  it.each([
    [`?mount=${digest}`, ""],
    [`?mount=${digest};x=1`, "?x=1"],
    [`?x=%2F&m%6Funt=${digest}`, "?x=%2F"],
    [`?mount=${digest}&from=`, ""],
  ])(
    "%s, without a source, becomes a plain upload where not every user may pull everything",
    async (search, rest) => {
      await using sides = await startRuled(rules);

      const answer = await fetchRaw(sides.router.url, `/v2/open/to/blobs/uploads/${search}`, {
        method: "POST",
      });

      expect(answer.status).toBe(202);
      expect(sides.hosted.requests.map(({ url }) => url)).toEqual([`/v2/open/to/blobs/uploads/${rest}`]);
    },
  );

  it("a mount without a source is forwarded unchanged where every user may pull everything", async () => {
    await using sides = await startRuled([{ match: "**", access: { pull: "anonymous", push: "anonymous" } }]);

    await fetchRaw(sides.router.url, `/v2/to/blobs/uploads/?mount=${digest}`, { method: "POST" });

    expect(sides.hosted.requests.map(({ url }) => url)).toEqual([`/v2/to/blobs/uploads/?mount=${digest}`]);
  });
});

describe("a known user without permission", () => {
  it.each([
    ["GET", "theirs/app/tags/list", "rules[2] does not let bob pull from theirs/app"],
    ["PUT", "theirs/app/manifests/1", "rules[2] does not let bob push to theirs/app"],
    ["DELETE", "theirs/app/manifests/1", "rules[2] does not let bob delete from theirs/app"],
  ])("to %s %s gets an error that names the rule, and no other users", async (method, rest, message) => {
    await using sides = await startRuled(rules);

    const answer = await fetchRaw(sides.router.url, `/v2/${rest}`, {
      method,
      headers: { Authorization: asUser("bob") },
    });

    expect(errorOf(answer)).toMatchObject({ code: "DENIED", message });
    expect(answer.body.toString()).not.toMatch(/alice|carol/);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
  });

  it("is named in the access log", async () => {
    await using sides = await startRuled(rules);

    await fetchRaw(sides.router.url, "/v2/theirs/app/tags/list", {
      headers: { Authorization: tokenOf("bob") },
    });

    await until(2_000, "the log line", () => sides.logged.length > 0);
    expect(sides.logged).toMatchObject([{ status: 403, user: "bob", repository: "theirs/app" }]);
    expect(JSON.stringify(sides.logged)).not.toContain(tokenOf("bob").slice("Bearer basic.".length));
  });
});

describe("authorize", () => {
  it("is not called for anonymous access, unless credentials are sent", async () => {
    const asked: (string | undefined)[] = [];
    await using sides = await startRuled(rules, {
      authorize: (request, wanted) => {
        asked.push(request.headers.authorization);
        return users(request, wanted);
      },
    });
    const ask = (headers: Record<string, string>) =>
      fetchRaw(sides.router.url, "/v2/open/app/tags/list", { headers });

    await ask({});
    await ask({ Authorization: "Bearer anonymous" });
    await ask({ Authorization: tokenOf("alice") });

    expect(asked).toEqual([asUser("alice")]);
  });

  it.each([
    ["deny", 403],
    ["throttle", 429],
  ] as const)("may %s a client that sends credentials with anonymous access", async (decision, status) => {
    await using sides = await startRuled(rules, { authorize: () => ({ decision, retryAfter: 1 }) });

    const answer = await fetchRaw(sides.router.url, "/v2/open/app/tags/list", {
      headers: { Authorization: wrongPassword },
    });

    expect(answer.status).toBe(status);
  });

  it.each(["known", "theirs"])("that returns no user gives no access to %s", async (namespace) => {
    await using sides = await startRuled(rules, { authorize: () => "allow" });

    const answer = await fetchRaw(sides.router.url, `/v2/${namespace}/app/tags/list`);

    expect(answer.status).toBe(401);
    expect(errorOf(answer).message).toMatch(/^rules\[\d\] lets only known users pull from \w+\/app$/);
    expect(sides.hosted.requests).toEqual([]);
  });

  it("that returns a user with an empty name returns no user", async () => {
    await using sides = await startRuled(rules, { authorize: () => ({ decision: "allow", user: "" }) });

    expect((await fetchRaw(sides.router.url, "/v2/known/app/tags/list")).status).toBe(401);
  });
});

it("a push that a rule denies is also denied to users in its `push` list", async () => {
  await using sides = await startRuled([
    { match: "library/**", pull: ["proxy"], access: { push: "anonymous" } },
  ]);

  const answer = await fetchRaw(sides.router.url, "/v2/library/app/manifests/1", { method: "PUT" });

  expect(errorOf(answer).code).toBe("DENIED");
});

it("reloaded rules apply from the next request on", async () => {
  await using sides = await startRuled(rules);
  const ask = () => fetchRaw(sides.router.url, "/v2/open/app/tags/list");
  const before = await ask();
  sides.router.handler.reload({
    hosted: sides.hosted.url,
    proxy: sides.proxy.url,
    authorize: users,
    rules: [{ match: "open/**", access: { pull: ["alice"] } }],
  });

  expect([before.status, (await ask()).status]).toEqual([404, 401]);
});
