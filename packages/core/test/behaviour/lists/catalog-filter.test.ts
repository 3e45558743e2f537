import type { RuleConfig } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { asUser, startRuled } from "../../support/users.ts";

const rules: readonly RuleConfig[] = [
  { match: "hidden-*/**", access: { pull: ["bob"] } },
  { match: "staff/**", access: { pull: "authenticated" } },
  { match: "shown/**", access: { pull: "anonymous" } },
];
const forAlice = ["a", "shown/1", "shown/2", "staff/1", "z"];
const hidden = ["hidden-1/x", "hidden-2/x", "hidden-3/x", "hidden-4/x", "hidden-4/y"];

async function startFilled() {
  const sides = await startRuled(rules);
  for (const name of [...forAlice, ...hidden]) {
    sides.hosted.addImage(name, { tag: "1", layers: ["x"] });
  }
  const ask = (target: string, user = "alice") =>
    fetchRaw(sides.router.url, target, { headers: { Authorization: asUser(user) } });
  return { ...sides, ask };
}

/** Every page until there is no next one. */
async function pagesOf(sides: Awaited<ReturnType<typeof startFilled>>, query: string, user: string) {
  const pages: { names: string[]; text: string }[] = [];
  let target: string | undefined = `/v2/_catalog${query}`;
  while (target !== undefined && pages.length < 50) {
    const { body, headers } = await sides.ask(target, user);
    pages.push({
      names: JSON.parse(body.toString()).repositories,
      text: `${decodeURIComponent(JSON.stringify(headers))}${body}`,
    });
    target = /^<(\/[^>]*)>; rel="next"$/.exec(String(headers.link))?.[1];
  }
  return pages;
}

describe("the catalog has the names that a user may pull", () => {
  it.each(["", "?n=1", "?n=2", "?n=3", "?n=4", "?n=9", "?n=10", "?n=100"])(
    "page by page, with '%s'",
    async (query) => {
      await using sides = await startFilled();

      const pages = await pagesOf(sides, query, "alice");

      expect(pages.flatMap(({ names }) => names)).toEqual(forAlice);
      expect(pages.filter(({ text }) => text.includes("hidden"))).toEqual([]);
    },
  );

  it("all names for a user who may pull everything", async () => {
    await using sides = await startFilled();

    const pages = await pagesOf(sides, "?n=3", "bob");

    expect(pages.flatMap(({ names }) => names)).toEqual([...forAlice, ...hidden].sort());
    expect(pages).toHaveLength(4);
  });

  it("only public names where authorize allows a client without a user name", async () => {
    await using sides = await startRuled(rules, { authorize: () => "allow" });
    sides.hosted.addImage("shown/1", { tag: "1", layers: ["x"] });
    sides.hosted.addImage("staff/1", { tag: "1", layers: ["x"] });

    const answer = await fetchRaw(sides.router.url, "/v2/_catalog");

    expect(JSON.parse(answer.body.toString())).toEqual({ repositories: ["shown/1"] });
  });

  it("no catalog for clients that authorize challenges", async () => {
    await using sides = await startFilled();

    const answer = await fetchRaw(sides.router.url, "/v2/_catalog", {
      headers: { Authorization: "Bearer anonymous" },
    });

    expect(answer.status).toBe(401);
  });

  it("hosted's own catalog where every admitted client may pull everything", async () => {
    const body = '{ "repositories": ["a"], "more": 1 }';
    await using sides = await startRuled([{ match: "**", access: { pull: "anonymous", push: ["bob"] } }]);
    sides.hosted.fault({ path: "/v2/_catalog", status: 200, body });

    const answer = await fetchRaw(sides.router.url, "/v2/_catalog", {
      headers: { Authorization: asUser("alice") },
    });

    expect(answer.body.toString()).toBe(body);
  });
});

describe("an unusual catalog", () => {
  const json = { "Content-Type": "application/json" };

  it("with null for its names, as Go encodes an empty list, is empty", async () => {
    await using sides = await startFilled();
    sides.hosted.fault({ path: /_catalog/, status: 200, headers: json, body: '{"repositories":null}' });

    expect(JSON.parse((await sides.ask("/v2/_catalog")).body.toString())).toEqual({ repositories: [] });
  });

  it.each<[string, object, number]>([
    ["that is no JSON", { status: 200, body: "hidden-1/x" }, 502],
    ["without names", { status: 200, body: '{"tags":["hidden-1/x"]}' }, 502],
    ["of names that are none", { status: 200, body: '{"repositories":["hidden-1/x",1]}' }, 502],
    ["that is null", { status: 200, body: "null" }, 502],
    ["that breaks off", { cutAt: 5 }, 502],
    ["of more than 4 MiB", { status: 200, body: `{"repositories":["${"x".repeat(4 * 1024 * 1024)}"]}` }, 502],
    ["that is elsewhere", { status: 307, headers: { Location: "/hidden-1/x" } }, 502],
    ["that hosted does not give", { status: 500 }, 502],
  ])("%s is a failure that reveals nothing of it", async (_, fault, status) => {
    await using sides = await startFilled();
    sides.hosted.fault({ path: /_catalog/, ...fault });

    const answer = await sides.ask("/v2/_catalog");

    expect(answer.status).toBe(status);
    expect(errorOf(answer).message).toMatch(/^hosted failed \(/);
    expect(`${JSON.stringify(answer.headers)}${answer.body}`).not.toContain("hidden-1");
  });

  it("that hosted does not have is answered with hosted's own error", async () => {
    await using sides = await startFilled();
    sides.hosted.fault({ path: /_catalog/, status: 405, body: "no catalog here" });

    const answer = await sides.ask("/v2/_catalog");

    expect([answer.status, answer.body.toString()]).toEqual([405, "no catalog here"]);
  });

  it("with endless hidden names is a failure", async () => {
    await using sides = await startFilled();
    sides.hosted.fault({
      path: /_catalog/,
      status: 200,
      headers: { ...json, Link: '</v2/_catalog?last=hidden-1%2Fx>; rel="next"' },
      body: '{"repositories":["hidden-1/x"]}',
    });

    const answer = await sides.ask("/v2/_catalog");

    expect([answer.status, errorOf(answer).code]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(sides.hosted.requests.length).toBeLessThanOrEqual(100);
    expect(answer.body.toString()).not.toContain("hidden-1");
  });
});
