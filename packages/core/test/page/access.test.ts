import type { AuthorizeHook, RuleConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../support/client.ts";
import { fetchPage, textOf } from "../support/page.ts";
import { startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";
import { asUser, startRuled, users, wrongPassword } from "../support/users.ts";
import { until } from "../support/within.ts";

const rules: readonly RuleConfig[] = [
  { match: ["secret/**", "plans/2027"], access: { pull: ["bob"], push: ["bob"] } },
  { match: "corp/**", pull: ["hosted"] },
  { match: "open/**", access: { pull: "anonymous", push: ["bob"] } },
];
const as = (user: string) => ({ Authorization: asUser(user) });

describe("with an authorize hook, the status page", () => {
  it.each([{}, { Authorization: wrongPassword }])("is for those it lets in: %j", async (headers) => {
    await using sides = await startRuled(rules);

    const answer = await fetchPage(sides.router, { image: "open/app", headers });

    expect([answer.status, answer.headers["www-authenticate"], errorOf(answer).code]).toEqual([
      401,
      expect.stringMatching(/^Basic realm=/),
      "UNAUTHORIZED",
    ]);
    expect([...sides.proxy.requests, ...sides.hosted.requests]).toEqual([]);
  });

  it("is 500 where the hook fails, for whatever it was asked", async () => {
    const failing: AuthorizeHook = (request, wanted) => {
      if (wanted.access === "pull") {
        throw new Error("the directory is away");
      }
      return users(request, wanted);
    };
    await using sides = await startRuled([], { authorize: failing });

    const answer = await fetchPage(sides.router, { image: "team/app", headers: as("alice") });

    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("directory");
  });

  it("works with any names that clients invent, and shows no name that the hook fails on", async () => {
    const failing: AuthorizeHook = (request, wanted) => {
      if (wanted.repository === "made/up") {
        throw new Error("no such project");
      }
      return users(request, wanted);
    };
    await using sides = await startRuled([], { authorize: failing });
    for (const name of ["made/up", "team/app"]) {
      await fetchRaw(sides.router.url, `/v2/${name}/manifests/1`, { headers: as("alice") });
    }

    const { status, text } = await fetchPage(sides.router, { headers: as("alice") });

    expect(status).toBe(200);
    expect(textOf(text, "decisions")).toContain("team/app:1");
    expect(text).not.toContain("made/up");
  });

  it("shows decisions about what the person may pull, by rule and by hook", async () => {
    const authorize: AuthorizeHook = (request, wanted) =>
      wanted.repository === "hidden/by-hook" &&
      wanted.access === "pull" &&
      request.headers.authorization === asUser("alice")
        ? "deny"
        : users(request, wanted);
    await using sides = await startRuled(rules, { authorize });
    for (const name of ["secret/app", "hidden/by-hook", "open/app", "team/app"]) {
      await fetchRaw(sides.router.url, `/v2/${name}/manifests/1`, { headers: as("bob") });
    }
    const seenBy = async (user: string) =>
      textOf((await fetchPage(sides.router, { headers: as(user) })).text, "decisions").match(
        /[\w/-]+:1(?= )/g,
      );

    expect(await seenBy("bob")).toEqual(["team/app:1", "open/app:1", "hidden/by-hook:1", "secret/app:1"]);
    expect(await seenBy("alice")).toEqual(["team/app:1", "open/app:1"]);
  });

  it("shows no mount from a repository that the person may not pull", async () => {
    await using sides = await startRuled(rules);
    const { layers } = sides.proxy.addImage("secret/app", { tag: "1", layers: ["a layer"] });
    const mount = `/v2/team/app/blobs/uploads/?mount=${layers[0]?.digest}&from=secret/app`;
    await fetchRaw(sides.router.url, mount, { method: "POST", headers: as("bob") });

    const seen = async (user: string) => (await fetchPage(sides.router, { headers: as(user) })).text;

    expect(await seen("bob")).toContain("copied from secret/app of a proxy");
    expect(await seen("alice")).not.toMatch(/secret|team\/app<|POST upload/);
  });

  it("keeps what was decided, however many requests were refused, and of those the latest ten", async () => {
    await using sides = await startRuled(rules);
    const ask = (path: string, headers = {}) => fetchRaw(sides.router.url, path, { headers });
    const times = (count: number, work: (index: number) => Promise<unknown>) =>
      Promise.all(Array.from({ length: count }, (_, index) => work(index)));
    await times(50, (index) => ask(`/v2/team/app-${index}/tags/list`, as("alice")));
    await times(60, () => ask("/v2/secret/app/manifests/1", as("alice")));
    await times(60, () => ask("/v2/team/app/manifests/1"));
    await times(60, () => ask("/v2/team/App/manifests/1", as("alice")));
    await ask("/v2/secret/late/manifests/1", as("alice"));

    const { text } = await fetchPage(sides.router, { headers: as("bob") });

    const decisions = textOf(text, "decisions");
    expect(new Set(decisions.match(/team\/app-\d+/g)).size).toBe(50);
    expect(decisions).toMatch(
      /^image .* when secret\/late:1 GET manifest 403 router rules\[0\] does not let alice pull/,
    );
    expect(decisions.match(/secret\/\w+:1/g)).toHaveLength(10);
    expect(decisions).not.toMatch(/UNAUTHORIZED|NAME_INVALID|no user and password/);
  });

  it("shows shadowed tags of what the person may pull", async () => {
    await using sides = await startRuled(rules);
    for (const name of ["secret/app", "team/app"]) {
      sides.proxy.addImage(name, { tag: "1", layers: ["public"] });
      sides.hosted.addImage(name, { tag: "1", layers: ["private"] });
      await fetchRaw(sides.router.url, `/v2/${name}/manifests/1`, {
        headers: { ...as("bob"), Accept: "*/*" },
      });
    }
    const seenBy = async (user: string) =>
      textOf((await fetchPage(sides.router, { headers: as(user) })).text, "shadows").match(/[\w/]+:1(?= )/g);

    await until(5_000, "both findings", async () => (await seenBy("bob"))?.length === 2);
    expect(await seenBy("alice")).toEqual(["team/app:1"]);
  });
});

describe("the box that explains an image", () => {
  it("shows the same to users without access, whether the image exists or not, and asks no registry", async () => {
    await using sides = await startRuled(rules);
    sides.proxy.addImage("secret/app", { tag: "1" });
    sides.hosted.addImage("secret/app", { tag: "1" });
    const said = async (image: string) =>
      textOf((await fetchPage(sides.router, { image, headers: as("alice") })).text, "explanation").replaceAll(
        image,
        "it",
      );

    expect(await said("secret/app")).toBe("You may not pull from it, so no registry was asked for it.");
    expect(await said("secret/none")).toBe(await said("secret/app"));
    // A host in front makes no other repository of it.
    expect(await said("registry.example.com/secret/app")).toContain("You may not pull from secret/app");
    expect([...sides.proxy.requests, ...sides.hosted.requests].filter(({ path }) => path !== "/v2/")).toEqual(
      [],
    );
  });

  it("tells who may pull neither the patterns nor the users of the rule", async () => {
    await using sides = await startRuled(rules);

    const { text } = await fetchPage(sides.router, { image: "secret/app", headers: as("bob") });

    expect(textOf(text, "explanation")).toContain("rules[0]: pull proxy, hosted;");
    expect(text).not.toMatch(/2027|secret\/\*\*|bob/);
  });

  it("asks no proxy for a name that the rules keep from it, nor for one that hosted owns", async () => {
    await using sides = await startRuled([...rules, { match: "**", owned: true }]);
    sides.hosted.addImage("team/app", { tag: "1" });
    for (const image of ["corp/app:1", "team/app:1"]) {
      await fetchPage(sides.router, { image, headers: as("alice") });
    }

    expect(sides.proxy.requests.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  it("gives the push command to those who may push", async () => {
    await using sides = await startRuled(rules);
    const said = async (user: string) =>
      textOf((await fetchPage(sides.router, { image: "open/app:1", headers: as(user) })).text, "explanation");

    expect(await said("bob")).toContain("docker push ");
    expect(await said("alice")).toContain("docker pull ");
    expect(await said("alice")).not.toContain("docker push ");
  });
});

describe("where hosted judges the clients' own credentials, the status page", () => {
  it("shows no names and explains none", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });
    hosted.addImage("team/app", { tag: "1" });
    await fetchRaw(router.url, "/v2/team/app/manifests/1");
    const before = [...hosted.requests, ...proxy.requests].length;

    const { status, text } = await fetchPage(router, { image: "team/app:1" });

    expect(status).toBe(200);
    expect(text).not.toMatch(/team|<form|id="decisions"/);
    const asked = [...hosted.requests, ...proxy.requests];
    expect(asked.filter(({ path }) => path !== "/v2/")).toHaveLength(before);
  });
});

describe("without an authorize hook, the status page", () => {
  it("is public, as everything is", async () => {
    await using sides = await startSides();
    await fetchRaw(sides.router.url, "/v2/team/app/manifests/1");

    expect(textOf((await fetchPage(sides.router)).text, "decisions")).toContain("team/app:1");
  });
});
