import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import {
  linkOf,
  listAllPages,
  namesOf,
  numbered,
  registryWith,
  shuffled,
  union,
} from "../../support/lists.ts";
import { startRouter } from "../../support/router.ts";

/** Four digits each. */
function numbers(start: number, count: number, step = 1): string[] {
  return Array.from({ length: count }, (_, index) => String(start + index * step).padStart(4, "0"));
}

describe("merged tags", () => {
  const warningOf = ({ headers }: Received) => headers.warning;
  const outcomeOf = (answer: Received) => [answer.status, errorOf(answer).code];

  it("come from every upstream that the rule names, and from no other", async () => {
    await using hosted = await registryWith(["h"]);
    await using first = await registryWith(["f", "h"]);
    await using second = await registryWith(["s"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "second", url: second.url },
      ],
      rules: [{ match: "r", pull: ["hosted", "first"] }],
      lists: "merge",
    });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect(JSON.parse(answer.body.toString())).toEqual({ name: "r", tags: ["f", "h"] });
    expect(answer.headers["x-combined-registry"]).toBe("router; joined from hosted, first");
    expect(second.requests).toEqual([]);
  });

  it("have a Link that keeps the rest of the query, percent-encoding and all", async () => {
    await using hosted = await registryWith(["a", "b"]);
    await using proxy = await registryWith(["c"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list?ns=docker.io&n=1&x=%20%2F&last=");

    expect(answer.headers.link).toBe('</v2/r/tags/list?ns=docker.io&x=%20%2F&last=a&n=1>; rel="next"');
    expect(hosted.requests.map(({ url }) => url)).toEqual(["/v2/r/tags/list?ns=docker.io&x=%20%2F&n=1000"]);
  });

  it("have no Link on the last page, nor with n=0, which asks for no names", async () => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const last = await fetchRaw(router.url, "/v2/r/tags/list?n=1&last=a");
    const none = await fetchRaw(router.url, "/v2/r/tags/list?n=0");

    expect([namesOf(last), linkOf(last)]).toEqual([["b"], undefined]);
    expect([none.status, namesOf(none), linkOf(none)]).toEqual([200, [], undefined]);
  });

  it.each(["-1", "x", "1.5", "1e3", "0x10", "%2B1"])("are refused with n=%s", async (n) => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const answer = await fetchRaw(router.url, `/v2/r/tags/list?n=${n}`);

    expect(outcomeOf(answer)).toEqual([400, "PAGINATION_NUMBER_INVALID"]);
    expect([...hosted.requests, ...proxy.requests]).toEqual([]);
  });

  it("are 10,000 per page at most, whatever n is, with a Link to the next page", async () => {
    const tags = numbered(10_001);
    await using hosted = await registryWith(tags);
    await using proxy = await registryWith(["a"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const without = await fetchRaw(router.url, "/v2/r/tags/list");
    const { names, pages } = await listAllPages(router.url, "/v2/r/tags/list?n=99999999999999999999", 2);

    expect([namesOf(without).length, linkOf(without)]).toEqual([10_000, "/v2/r/tags/list?last=t09998"]);
    expect([names, pages]).toEqual([union(tags, ["a"]), 2]);
  });

  it("are requested whole and uncompressed, whatever range or encoding the client accepts", async () => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const headers = { Range: "bytes=0-1", "If-None-Match": "*", "Accept-Encoding": "gzip" };
    const answer = await fetchRaw(router.url, "/v2/r/tags/list", { headers });

    expect([answer.status, namesOf(answer)]).toEqual([200, ["a", "b"]]);
    for (const { headers: sent } of [...hosted.requests, ...proxy.requests]) {
      expect([sent.range, sent["if-none-match"], sent["accept-encoding"]]).toEqual([
        undefined,
        undefined,
        "identity",
      ]);
    }
  });

  it("HEAD stays 405", async () => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    expect((await fetchRaw(router.url, "/v2/r/tags/list", { method: "HEAD" })).status).toBe(405);
  });

  it.each(["hosted", "proxy"] as const)("name %s in a Warning if that fails", async (failing) => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      lists: "merge",
      via: "me",
    });
    (failing === "hosted" ? hosted : proxy).fault({ status: 500 });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect([answer.status, namesOf(answer)]).toEqual([200, failing === "hosted" ? ["b"] : ["a"]]);
    expect(warningOf(answer)).toBe(`299 - "${failing} failed (answered 500)"`);
  });

  it("are hosted's own 404 if no upstream knows the repository, and on later pages too", async () => {
    await using hosted = await registryWith(["a"], {}, "other");
    await using proxy = await registryWith(["b"], {}, "other");
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    const own = await fetchRaw(hosted.url, "/v2/r/tags/list");

    for (const target of ["/v2/r/tags/list", "/v2/r/tags/list?n=0", "/v2/r/tags/list?n=1&last=x"]) {
      const answer = await fetchRaw(router.url, target);
      expect([answer.status, answer.body.toString()]).toEqual([404, own.body.toString()]);
    }
  });

  it.each([
    ["hosted", { status: 500 }, 502, "UPSTREAM_FAILED"],
    ["proxy", { status: 500 }, 502, "UPSTREAM_FAILED"],
    ["proxy", { reset: true }, 502, "UPSTREAM_FAILED"],
    ["proxy", { hang: true }, 504, "UPSTREAM_TIMEOUT"],
    ["proxy", { status: 429, headers: { "Retry-After": "7" } }, 429, "TOOMANYREQUESTS"],
  ] as const)(
    "are a failure, never not found, if %s fails (%j) and no other upstream knows the repository",
    async (failing, fault, status, code) => {
      await using hosted = await registryWith(["a"], {}, "other");
      await using proxy = await registryWith(["b"], {}, "other");
      const timeouts = { headers: 200 };
      await using router = await startRouter({
        hosted: { url: hosted.url, timeouts },
        proxy: { url: proxy.url, timeouts },
        lists: "merge",
      });
      (failing === "hosted" ? hosted : proxy).fault(fault);

      expect(outcomeOf(await fetchRaw(router.url, "/v2/r/tags/list"))).toEqual([status, code]);
    },
  );

  it("are a failure that names every upstream if all fail", async () => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    hosted.fault({ status: 503 });
    proxy.fault({ reset: true });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect(outcomeOf(answer)).toEqual([502, "UPSTREAM_FAILED"]);
    expect(errorOf(answer).message).toMatch(/^hosted failed \(answered 503\), proxy failed \(connection/);
  });

  const nullTags = {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: '{"name":"r","tags":null}\n',
  };

  it("null from an upstream adds none, but does not prove that the repository exists if another one fails", async () => {
    await using hosted = await registryWith([]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    hosted.fault(nullTags);

    const joined = await fetchRaw(router.url, "/v2/r/tags/list");
    proxy.fault({ ...nullTags, times: 2 });
    const empty = await fetchRaw(router.url, "/v2/r/tags/list");
    proxy.fault({ status: 500 });
    const failed = await fetchRaw(router.url, "/v2/r/tags/list");

    expect([namesOf(joined), namesOf(empty)]).toEqual([["b"], []]);
    expect(failed.status).toBe(502);
  });

  it("null with n from upstreams that answer 404 without n are hosted's own 404", async () => {
    await using hosted = await registryWith(["a"], {}, "other");
    await using proxy = await registryWith(["b"], {}, "other");
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    for (const member of [hosted, proxy]) {
      member.fault({ ...nullTags, path: /n=/ });
    }
    const own = await fetchRaw(hosted.url, "/v2/r/tags/list");

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect([answer.status, answer.body.toString()]).toEqual([404, own.body.toString()]);
  });

  it.each([
    ["no JSON", "<html>", "sent an invalid list"],
    ["no list", '{"tags":{}}', "sent an invalid list"],
    ["not a list of names", '{"tags":["a",1]}', "sent an invalid list"],
    ["longer than 4 MiB", `{"tags":["${"a".repeat(5_000_000)}"]}`, "is longer than 4194304 bytes a page"],
  ])("that are %s count as a failure of that upstream", async (_, body, cause) => {
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    proxy.fault({ status: 200, body });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect(namesOf(answer)).toEqual(["a"]);
    expect(warningOf(answer)).toContain(cause);
  });

  it("whose pages never end, or form a loop, count as a failure of that upstream", async () => {
    await using hosted = await registryWith(["a"]);
    await using circling = await registryWith(["b"]);
    await using endless = await registryWith(shuffled(numbered(10_100)), { lists: "cursor" });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [circling.url, endless.url],
      lists: "merge",
    });
    const headers = { Link: '</v2/r/tags/list?cursor=1>; rel="next"' };
    circling.fault({ status: 200, headers, body: { tags: ["z", "b"] } });

    const answer = await fetchRaw(router.url, "/v2/r/tags/list");

    expect(namesOf(answer)).toEqual(["a"]);
    expect(warningOf(answer)).toMatch(
      /proxy-1 failed \(its pages form a loop.*proxy-2 failed \(.*more than 100 pages/,
    );
    expect([circling.requests.length, endless.requests.length]).toEqual([2, 100]);
  });

  it.each([
    ["?n=99", 26],
    // Twenty such pages are enough for an answer.
    ["", 2],
  ])("continue where an upstream limits n to its own page size: %s", async (search, expected) => {
    const tags = numbered(2_500);
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(tags);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    proxy.fault({ path: /n=(?!100$)/, status: 400 });
    const headers = { Link: '</v2/r/tags/list?last=t00099&n=100>; rel="next"' };
    const body = { tags: tags.slice(0, 100) };
    proxy.fault({ path: "/v2/r/tags/list", status: 200, headers, body });

    const { names, pages } = await listAllPages(router.url, `/v2/r/tags/list${search}`, 40);

    expect([names, pages]).toEqual([union(["a"], tags), expected]);
  });

  it.each([
    ["whose disorder shows on a later page", [...numbers(1_000, 150), "0001"], "?n=120"],
    [
      "whose last page has nothing that counts",
      [...numbers(1_099, 100, -1), ...numbers(100, 50)],
      "?n=10&last=0999",
    ],
  ])("continue at an upstream with a cursor %s", async (_, tags, search) => {
    await using hosted = await registryWith(["5"]);
    await using proxy = await registryWith(tags, { lists: "cursor" });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const { names } = await listAllPages(router.url, `/v2/r/tags/list${search}`, 20);

    expect(names).toEqual(union(["5"], tags).filter((name) => !search.includes("last") || name > "0999"));
  });

  it("continue after a full page, although an upstream never sends a Link", async () => {
    const tags = numbered(2_000);
    await using hosted = await registryWith(["a"]);
    await using proxy = await registryWith(tags);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });
    const pageFrom = (path: string, from: number) =>
      proxy.fault({ path, status: 200, body: { tags: tags.slice(from, from + 1_000) } });
    pageFrom("/v2/r/tags/list?n=1000", 0);
    pageFrom("/v2/r/tags/list?last=t00999&n=1000", 1_000);
    pageFrom("/v2/r/tags/list?last=t01999&n=1000", 2_000);

    expect(namesOf(await fetchRaw(router.url, "/v2/r/tags/list"))).toEqual(union(["a"], tags));
  });

  it("are requested under each upstream's name for the repository", async () => {
    await using hosted = await registryWith(["own"], {}, "nginx");
    await using hub = await registryWith(["1", "2"], {}, "library/nginx");
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: hub.url, libraryPrefix: true },
      lists: "merge",
    });

    const answer = await fetchRaw(router.url, "/v2/nginx/tags/list?n=2");

    expect(JSON.parse(answer.body.toString())).toEqual({ name: "nginx", tags: ["1", "2"] });
    expect(linkOf(answer)).toBe("/v2/nginx/tags/list?last=2&n=2");
    expect(hub.requests.map(({ path }) => path)).toEqual(["/v2/library/nginx/tags/list"]);
  });

  it("are not given to a client whose own credentials hosted refuses, which gets hosted's challenge", async () => {
    const auth = { username: "u", password: "p" };
    await using hosted = await registryWith(["a"], { auth });
    await using proxy = await registryWith(["b"]);
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
      lists: "merge",
    });
    const headers = { Authorization: `Basic ${Buffer.from("u:p").toString("base64")}` };

    const refused = await fetchRaw(router.url, "/v2/r/tags/list");
    const given = await fetchRaw(router.url, "/v2/r/tags/list", { headers });

    expect([refused.status, refused.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringContaining("Basic"),
    ]);
    expect(namesOf(given)).toEqual(["a", "b"]);
  });
});
