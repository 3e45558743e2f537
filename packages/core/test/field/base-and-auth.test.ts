import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../support/client.ts";
import { listen, startRouter } from "../support/router.ts";

const user = { username: "router", password: "right" };
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  layers: [],
});
const manifestType = { "Content-Type": "application/vnd.oci.image.manifest.v1+json" };

interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Heard {
  readonly target: string;
  readonly authorization: string | undefined;
}

/** A server that answers as a function says, and keeps what it was asked. */
async function startScripted(answer: (heard: Heard, url: string, count: number) => Said) {
  const heard: Heard[] = [];
  let url = "";
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const one = { target: request.url ?? "", authorization: request.headers.authorization };
    heard.push(one);
    const { status = 200, headers = {}, body = "" } = answer(one, url, heard.length);
    request.resume();
    response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
  });
  url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    heard,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const oci = (code: string, message = "") => JSON.stringify({ errors: [{ code, message, detail: null }] });
const page = "<!DOCTYPE html><html><body>Welcome</body></html>";
const html = { "Content-Type": "text/html; charset=utf-8" };
const version = { "Docker-Distribution-Api-Version": "registry/2.0" };
const bearer = (realm: string, more = "") => ({
  "WWW-Authenticate": `Bearer realm="${realm}",service="x"${more}`,
});
const token = (value: string) => ({ body: JSON.stringify({ token: value }) });
const isToken = ({ target }: Heard) => target.startsWith("/token");

/** A registry that wants tokens, from an endpoint that gives none without a scope. */
const scopedTokens = (status: number) => (heard: Heard, url: string) => {
  if (isToken(heard)) {
    return heard.target.includes("scope=") ? token("t") : { status };
  }
  if (heard.authorization === "Bearer t" && heard.target !== "/v2/") {
    return { headers: manifestType, body: manifest };
  }
  return { status: 401, headers: bearer(`${url}/token`), body: oci("UNAUTHORIZED") };
};

const up: Record<string, (heard: Heard, url: string) => Said> = {
  "answers 200": () => ({ body: "{}" }),
  "answers 204": () => ({ status: 204 }),
  "answers 200 true as text/html, as Quay does": () => ({ headers: html, body: "true" }),
  "answers 401 with a challenge, and its token does not help": (heard, url) =>
    isToken(heard) ? token("t") : { status: 401, headers: bearer(`${url}/token`) },
  "answers 401 with a challenge and a page": (heard, url) =>
    isToken(heard)
      ? token("t")
      : { status: 401, headers: { ...html, ...bearer(`${url}/token`) }, body: page },
  "answers 401 with a Basic challenge": () => ({
    status: 401,
    headers: { "WWW-Authenticate": 'basic Realm="x"' },
  }),
  "has a relative realm": (heard) =>
    isToken(heard)
      ? token("t")
      : heard.authorization === "Bearer t"
        ? {}
        : { status: 401, headers: bearer("/token") },
  "has a realm in an odd challenge": (heard, url) =>
    isToken(heard)
      ? {
          status: 201,
          headers: { "Content-Type": "text/plain" },
          body: '{"access_token":"t","expires_in":"60"}',
        }
      : heard.authorization === "Bearer t"
        ? {}
        : {
            status: 401,
            headers: { "WWW-Authenticate": `Negotiate, BEARER Service="a, b",Realm=${url}/token` },
          },
  "answers 404 with the header of a registry": () => ({ status: 404, headers: version, body: "404" }),
  "answers 403 with the header of a registry": () => ({ status: 403, headers: version }),
  "answers 403 with an OCI error": () => ({ status: 403, body: oci("DENIED") }),
  "answers 404 with an OCI error": () => ({ status: 404, body: oci("NAME_UNKNOWN") }),
  "redirects to itself with another path": ({ target }) =>
    target === "/v2/" ? { status: 307, headers: { Location: "/other/v2/" } } : { body: "{}" },
  ...Object.fromEntries(
    [400, 401, 403, 404].map((status) => [
      `gives no token without a scope (${status})`,
      scopedTokens(status),
    ]),
  ),
};

const down: Record<string, readonly [answer: (heard: Heard, url: string) => Said, cause: RegExp]> = {
  "sends a page": [() => ({ headers: html, body: page }), /web page/],
  "sends a page without a type": [() => ({ body: `\n<!-- x -->${page}` }), /web page/],
  "sends a text as a page": [() => ({ headers: html, body: "Welcome" }), /web page/],
  "answers 404 with a page": [() => ({ status: 404, headers: html, body: page }), /web page/],
  "answers 404": [() => ({ status: 404, body: "404 page not found" }), /^proxy: answered 404$/],
  "answers 401 without a challenge": [() => ({ status: 401 }), /answered 401/],
  "answers 500 with an OCI error": [() => ({ status: 500, body: oci("UNKNOWN") }), /answered 500/],
  "answers 503 with the header of a registry": [() => ({ status: 503, headers: version }), /answered 503/],
  "redirects to a login": [
    ({ target }) =>
      target === "/v2/" ? { status: 302, headers: { Location: "/login" } } : { headers: html, body: page },
    /redirects to a web page/,
  ],
  "redirects without an address": [() => ({ status: 302 }), /answered 302/],
  "redirects to itself for ever": [
    () => ({ status: 307, headers: { Location: "/v2/" } }),
    /redirects, and that fails: more than 5 redirects/,
  ],
  "has an unsafe realm": [() => ({ status: 401, headers: bearer("ftp://x/") }), /no safe token endpoint/],
  "has an empty realm": [() => ({ status: 401, headers: bearer("") }), /no safe token endpoint/],
};

async function seen(config: CombinedRegistryConfig) {
  await using router = await startRouter(config);
  const base = await fetchRaw(router.url, "/v2/");
  const health = await router.handler.health();
  const ready = await fetchRaw(router.url, "/readyz");
  const report = await router.handler.check();
  const errors = report.findings.filter(({ severity }) => severity === "error");
  return { base, health, ready: ready.status, errors };
}

describe("a proxy that", () => {
  it.each(Object.entries(up))("%s is up", async (_, answer) => {
    await using proxy = await startScripted(answer);
    await using hosted = await startRegistry();

    const { base, health, errors } = await seen({ hosted: hosted.url, proxy: proxy.url });

    expect([base.status, health.proxy, health.upstreams[1]?.up]).toEqual([200, 200, true]);
    expect(errors).toEqual([]);
  });

  it.each(Object.entries(down))("%s is down", async (_, [answer, cause]) => {
    await using proxy = await startScripted(answer);
    await using hosted = await startRegistry();

    const { base, health, errors } = await seen({ hosted: hosted.url, proxy: proxy.url });

    expect([base.status, errorOf(base).message]).toEqual([503, expect.stringMatching(cause)]);
    expect(health.proxy).not.toBe(200);
    expect(health.upstreams[1]).toMatchObject({ up: false });
    expect(errors).not.toEqual([]);
  });

  it.each([400, 401, 403, 404])(
    "gives no token without a scope (%s) is up with a user too",
    async (status) => {
      await using proxy = await startScripted(scopedTokens(status));
      await using hosted = await startRegistry();

      const { base, errors } = await seen({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

      expect([base.status, errors]).toEqual([200, []]);
    },
  );

  it("redirects to a registry on another host is up", async () => {
    await using elsewhere = await startScripted((_, url) => ({
      status: 401,
      headers: bearer(`${url}/token`),
    }));
    await using proxy = await startScripted(({ target }) => ({
      status: 307,
      headers: { Location: `${elsewhere.url}${target}` },
    }));
    await using hosted = await startRegistry();

    const { base, errors } = await seen({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    expect([base.status, errors]).toEqual([200, []]);
    expect(elsewhere.heard.map(({ authorization }) => authorization)).not.toContain(
      proxy.heard[0]?.authorization,
    );
  });

  it.each([401, 403])("refuses the router's user with %s is down", async (status) => {
    await using proxy = await startScripted(() => ({
      status,
      headers: version,
      body: oci("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
    }));
    await using hosted = await startRegistry();

    const { base, errors } = await seen({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    expect([base.status, errorOf(base).message]).toEqual([
      503,
      `proxy: refused the router's credentials (${status}): Your authorization token has expired. Reauthenticate and try again.`,
    ]);
    expect(errors.map(({ id }) => id)).toEqual(["credentials-refused"]);
  });
});

describe("hosted that", () => {
  it.each(["sends a page", "redirects to a login", "answers 404"])("%s is not ready", async (name) => {
    const [answer] = down[name] ?? [() => ({})];
    await using hosted = await startScripted(answer);
    await using proxy = await startRegistry();

    const { base, ready, health } = await seen({ hosted: hosted.url, proxy: proxy.url });

    expect([base.status, ready]).toEqual([503, 503]);
    expect(health.hosted).not.toBe(200);
  });

  it("has a relative realm sends its address to clients with passthrough", async () => {
    await using hosted = await startScripted(() => ({ status: 401, headers: bearer("/token") }));
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });

    for (const target of ["/v2/", "/v2/a/tags/list"]) {
      const answer = await fetchRaw(router.url, target);
      expect([answer.status, answer.headers["www-authenticate"]]).toEqual([
        401,
        `Bearer realm="${hosted.url}/token",service="x"`,
      ]);
    }
  });
});

describe("a token that is refused", () => {
  /** Gives tokens t1, t2, ... and accepts those that `good` does; refuses others as said. */
  const registry = (good: (value: number) => boolean, refused: Said) => {
    let given = 0;
    return (heard: Heard, url: string): Said => {
      if (isToken(heard)) {
        given += 1;
        return token(`t${given}`);
      }
      const value = Number(/^Bearer t(\d+)$/.exec(heard.authorization ?? "")?.[1]);
      if (Number.isNaN(value)) {
        return { status: 401, headers: bearer(`${url}/token`) };
      }
      return good(value) ? { headers: manifestType, body: manifest } : refused;
    };
  };
  const expired = oci("DENIED", "Your authorization token has expired");
  const refusals: Record<string, Said> = {
    "400 that says so": { status: 400, body: oci("UNAUTHORIZED", "token is not valid yet (nbf)") },
    "403 that says so": { status: 403, body: expired },
    "401 that says so": { status: 401, body: expired },
    "401 with invalid_token": { status: 401, headers: bearer("/token", ',error="invalid_token"') },
    "403 with invalid_token": { status: 403, headers: bearer("/token", ',error="invalid_token"') },
  };

  it.each(Object.entries(refusals))("with a %s is replaced once", async (_, refused) => {
    await using proxy = await startScripted(registry((value) => value > 1, refused));
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, "/v2/a/manifests/1");

    expect([answer.status, answer.body.toString()]).toEqual([200, manifest]);
    expect(proxy.heard.filter(isToken)).toHaveLength(2);
  });

  it.each(Object.entries(refusals))("for ever with a %s is a failure, without a loop", async (_, refused) => {
    await using proxy = await startScripted(registry(() => false, refused));
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    const messages = [];
    for (let tries = 0; tries < 4; tries += 1) {
      const answer = await fetchRaw(router.url, "/v2/a/manifests/1");
      messages.push([answer.status, errorOf(answer).message]);
    }

    const cause = `proxy failed (refused the router's credentials (${refused.status})`;
    expect(messages).toEqual(messages.map(() => [502, expect.stringContaining(cause)]));
    expect(proxy.heard.filter(isToken).length).toBeLessThanOrEqual(2);
  });

  it.each([400, 403])("without a word (%s) costs no further token for unknown names", async (status) => {
    await using proxy = await startScripted(registry(() => false, { status, body: oci("DENIED") }));
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    for (let tries = 0; tries < 5; tries += 1) {
      const answer = await fetchRaw(router.url, `/v2/a/manifests/${tries}`);
      expect(answer.status).toBe(404);
    }

    expect(proxy.heard.filter(isToken)).toHaveLength(1);
    expect(proxy.heard.filter(({ authorization }) => authorization !== undefined)).toHaveLength(5);
  });

  it.each([400, 403])("after it was accepted is replaced, whatever the words (%s)", async (status) => {
    let revoked = false;
    await using proxy = await startScripted(registry((value) => !revoked || value > 1, { status, body: "" }));
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const before = await fetchRaw(router.url, "/v2/a/manifests/1");
    revoked = true;
    const after = await fetchRaw(router.url, "/v2/a/manifests/2");

    expect([before.status, after.status]).toEqual([200, 200]);
  });
});

describe("the router's user", () => {
  it.each(["GET", "HEAD"])("that has expired is a failure with its cause (%s)", async (method) => {
    const body = oci("DENIED", "Your authorization token has expired. Reauthenticate and try again.");
    await using proxy = await startScripted(() => ({ status: 403, body }));
    await using hosted = await startRegistry();
    hosted.addImage("b", { tag: "1" });
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth: user } });

    const a = await fetchRaw(router.url, "/v2/a/manifests/1");
    const b = await fetchRaw(router.url, "/v2/b/manifests/1", { method });

    expect([a.status, errorOf(a).message]).toEqual([
      502,
      "proxy failed (refused the router's credentials (403): Your authorization token has expired. Reauthenticate and try again.), hosted not found",
    ]);
    expect(b.status).toBe(200);
  });

  it("that has expired at hosted is not told to a pushing client as its own", async () => {
    await using hosted = await startScripted(() => ({
      status: 403,
      body: oci("DENIED", "token has expired"),
    }));
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });

    const answer = await fetchRaw(router.url, "/v2/a/blobs/uploads/", { method: "POST" });

    expect([answer.status, errorOf(answer).message]).toEqual([
      502,
      "hosted failed (refused the router's credentials (403): token has expired)",
    ]);
  });
});
