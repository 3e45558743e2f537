import { readFileSync } from "node:fs";
import { type Fault, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { until } from "../../support/within.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("test-only.cert.pem");
const key = fixture("test-only.key.pem");
const user = { username: "router", password: "right" };
const basic = `Basic ${Buffer.from("router:right").toString("base64")}`;

const brokeOff = "token endpoint broke off its answer, or sent more than 262144 bytes";

describe("a token endpoint that fails", () => {
  const troubles: Record<string, readonly [fault: Fault, cause: string, status: number]> = {
    "that answers 503": [{ status: 503 }, "token endpoint answered 503", 502],
    "that leads elsewhere": [
      { status: 307, headers: { Location: "http://elsewhere.example/" } },
      "token endpoint answered 307",
      502,
    ],
    "that is none": [{ status: 404 }, "token endpoint answered 404", 502],
    "without a token": [{ status: 200, body: { token: "" } }, "token endpoint sent no token", 502],
    "that sends a page": [{ status: 200, body: "<html>" }, "token endpoint sent no token", 502],
    "that breaks off": [{ cutAt: 5 }, brokeOff, 502],
    "without end": [{ status: 200, body: " ".repeat(300_000) }, brokeOff, 502],
    "that resets": [{ reset: true }, "token endpoint: connection closed before an answer", 502],
    "that hangs": [{ hang: true }, "token endpoint: timeout after 200 ms", 504],
    "that hangs in the middle": [{ stallAt: 5 }, brokeOff, 502],
  };

  it.each(Object.entries(troubles))("%s is the proxy's failure, never not-found", async (_, trouble) => {
    const [fault, cause, status] = trouble;
    await using proxy = await startRegistry({ tokens: { user } });
    await using hosted = await startRegistry();
    proxy.addImage("a", { tag: "1" });
    hosted.addImage("b", { tag: "1" });
    proxy.fault({ path: /^\/token/, ...fault });
    const timeouts = { headers: 200 };
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, auth: user, timeouts },
    });

    const a = await fetchRaw(router.url, "/v2/a/manifests/1");
    const b = await fetchRaw(router.url, "/v2/b/manifests/1");

    expect([a.status, errorOf(a).message]).toEqual([status, `proxy failed (${cause}), hosted not found`]);
    expect([b.status, b.headers["x-combined-registry"]]).toEqual([
      200,
      `hosted; found; proxy failed (${cause})`,
    ]);
  });

  it("is asked again soon after its failure", async () => {
    await using proxy = await startRegistry({ tokens: {} });
    await using hosted = await startRegistry();
    proxy.addImage("a", { tag: "1" });
    proxy.addImage("b", { tag: "1" });
    proxy.fault({ path: /^\/token/, times: 1, status: 500 });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const statuses = [];
    for (const repository of ["a", "b"]) {
      statuses.push((await fetchRaw(router.url, `/v2/${repository}/manifests/1`)).status);
    }

    expect(statuses).toEqual([502, 200]);
  });
});

describe("an upstream whose authentication changes while its old token endpoint is down", () => {
  const challengeOf = ({ url }: TestRegistry) => ({
    status: 401,
    headers: { "WWW-Authenticate": `Bearer realm="${url}/token",service="x"` },
  });

  /** An upstream that wanted tokens, short-lived ones, from an endpoint that has gone since. */
  async function startForsaken(side: "hosted" | "proxy") {
    const old = await startRegistry({ tokens: { lifetime: 0.001 } });
    const upstream = await startRegistry();
    const other = await startRegistry();
    upstream.addImage("a", { tag: "1" });
    upstream.fault({ times: 2, ...challengeOf(old) });
    const both = { hosted: other.url, proxy: other.url, [side]: upstream.url };
    const router = await startRouter(both);
    const before = await fetchRaw(router.url, "/v2/a/manifests/1");
    await old.close();
    // The router keeps a token for at least a millisecond, in which both requests may fit.
    const closed = performance.now();
    await until(1_000, "the end of the token", () => performance.now() > closed + 5);
    return {
      before: before.status,
      upstream,
      router,
      async [Symbol.asyncDispose]() {
        await router[Symbol.asyncDispose]();
        await Promise.all([upstream.close(), other.close()]);
      },
    };
  }

  it("to other credentials gets those", async () => {
    await using tokens = await startRegistry({ tokens: {} });
    await using forsaken = await startForsaken("proxy");
    forsaken.upstream.fault({ times: 2, ...challengeOf(tokens) });

    const after = await fetchRaw(forsaken.router.url, "/v2/a/manifests/1");

    expect([forsaken.before, after.status]).toEqual([200, 200]);
    expect(tokens.requests.map(({ path }) => path)).toEqual(["/token"]);
  });

  it("to other credentials gets those with a push, too", async () => {
    await using tokens = await startRegistry({ tokens: {} });
    await using forsaken = await startForsaken("hosted");
    forsaken.upstream.fault({ times: 2, ...challengeOf(tokens) });

    const target = "/v2/a/manifests/2";
    const put = await fetchRaw(forsaken.router.url, target, { method: "PUT", body: '{"layers":[]}' });

    expect(put.status).toBe(201);
    expect(forsaken.upstream.hasManifest("a", "2")).toBe(true);
  });

  it.each(["hosted", "proxy"] as const)("to want none is asked without (%s)", async (side) => {
    await using forsaken = await startForsaken(side);

    const after = await fetchRaw(forsaken.router.url, "/v2/a/manifests/1");

    expect([forsaken.before, after.status]).toEqual([200, 200]);
    // HEAD requests look for shadowed tags in the background.
    const gets = forsaken.upstream.requests.filter(({ method }) => method === "GET");
    expect(gets.at(-1)?.headers.authorization).toBeUndefined();
  });

  it("but still needs the same token endpoint is a failure", async () => {
    await using forsaken = await startForsaken("proxy");
    await using gone = await startRegistry();
    await gone.close();
    forsaken.upstream.fault(challengeOf(gone));

    const after = await fetchRaw(forsaken.router.url, "/v2/a/manifests/1");

    expect([after.status, errorOf(after).message]).toEqual([
      502,
      "proxy failed (token endpoint: connection refused), hosted not found",
    ]);
  });
});

describe("a token endpoint on another host", () => {
  it("may have a certificate of the upstream's `ca`", async () => {
    await using tokens = await startRegistry({ tokens: { user }, tls: { key, cert } });
    await using proxy = await startRegistry({ tls: { key, cert } });
    await using hosted = await startRegistry();
    const image = proxy.addImage("a", { tag: "1" });
    const challenge = `Bearer realm="${tokens.url}/token",service="x"`;
    proxy.fault({ times: 2, status: 401, headers: { "WWW-Authenticate": challenge } });
    const router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, auth: user, tls: { ca: cert } },
    });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1");
    await router[Symbol.asyncDispose]();

    expect([answer.status, answer.headers["docker-content-digest"]]).toEqual([200, image.digest]);
    expect(tokens.requests.map(({ path, status }) => [path, status])).toEqual([["/token", 200]]);
    await until(5_000, "the connection to the token endpoint is closed", () => tokens.openConnections === 0);
  });
});

describe("the router's user", () => {
  it("refused by a proxy is a failure with that cause, also in health, and the proxy is still asked", async () => {
    await using proxy = await startRegistry({ auth: { ...user, password: "other" } });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });
    const cause = "refused the router's credentials (401)";

    const messages = [];
    for (let tries = 0; tries < 7; tries += 1) {
      const answer = await fetchRaw(router.url, "/v2/a/manifests/1");
      messages.push([answer.status, errorOf(answer).message]);
    }
    const health = JSON.parse((await fetchRaw(router.url, "/healthcheck")).body.toString());
    const base = await fetchRaw(router.url, "/v2/");

    expect(messages).toEqual(messages.map(() => [502, `proxy failed (${cause}), hosted not found`]));
    expect([health.hosted, health.proxy]).toEqual([200, 401]);
    expect(health.upstreams[1]).toMatchObject({ name: "proxy", up: false, breaker: "closed", cause });
    expect([base.status, errorOf(base).message]).toEqual([503, `proxy: ${cause}`]);
  });

  it("refused by a token endpoint is reported in health too", async () => {
    await using proxy = await startRegistry({ tokens: { user: { ...user, password: "other" } } });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    const health = JSON.parse((await fetchRaw(router.url, "/healthcheck")).body.toString());

    expect([health.hosted, health.proxy]).toEqual([200, 401]);
    expect(health.upstreams[1]).toMatchObject({
      up: false,
      cause: "token endpoint refused the router's credentials (401)",
    });
  });

  it("with a token realm over plain HTTP is a failure too", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const challenge = 'Bearer realm="ftp://tokens.example/",service="x"';
    proxy.fault({ path: /^\/v2\/a/, status: 401, headers: { "WWW-Authenticate": challenge } });
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1");

    expect([answer.status, errorOf(answer).message]).toEqual([
      502,
      "proxy failed (asks for a token, but its challenge names no safe token endpoint (401)), hosted not found",
    ]);
  });

  it("goes to the upstream and to its token endpoint, and tokens to the upstream alone", async () => {
    await using tokens = await startRegistry({ tokens: { user } });
    await using proxy = await startRegistry();
    await using storage = await startRegistry();
    await using hosted = await startRegistry();
    const { digest } = storage.addBlob("a", "content");
    const challenge = `Bearer realm="${tokens.url}/token",service="x"`;
    proxy.fault({ status: 307, headers: { Location: `${storage.url}/storage/${digest}` } });
    proxy.fault({ times: 2, status: 401, headers: { "WWW-Authenticate": challenge } });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, auth: user, redirects: "follow" },
    });

    const blob = await fetchRaw(router.url, `/v2/a/blobs/${digest}`);

    expect(blob.body.toString()).toBe("content");
    const shown = (registry: typeof proxy) =>
      registry.requests.map(({ headers }) => String(headers.authorization).replace(/^Bearer .*/, "Bearer"));
    expect(shown(proxy)).toEqual([basic, basic, "Bearer"]);
    expect(shown(tokens)).toEqual([basic]);
    expect([shown(storage), shown(hosted)]).toEqual([["undefined"], []]);
  });
});
