import { readFileSync } from "node:fs";
import type { CombinedRegistryConfig } from "@combined-registry/core";
import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { type Ask, fetchRaw, type Received } from "../../support/client.ts";
import { digestOf, manifestOf, manifestType } from "../../support/push.ts";
import { closedPort, startRouter } from "../../support/router.ts";
import { asUser, users } from "../../support/users.ts";
import { until } from "../../support/within.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const user = { username: "router", password: "right" };
const wrong = { ...user, password: "wrong" };
const tag = "/v2/team/app/manifests/1";

/** Registries, and a router's configuration over them. */
interface Scene {
  readonly hosted: TestRegistry;
  readonly proxy: TestRegistry;
  says(config?: Partial<CombinedRegistryConfig>, target?: string, ask?: Ask): Promise<string>;
}

/** The words of an answer. */
function wordsOf({ headers, body }: Received): string {
  const errors: readonly { message: string }[] =
    body.length > 0 ? (JSON.parse(body.toString()).errors ?? []) : [];
  return [headers["x-combined-registry"], headers.warning, ...errors.map(({ message }) => message)].join(
    "\n",
  );
}

async function scene(
  act: (scene: Scene) => Promise<string>,
  options: { readonly hosted?: RegistryOptions; readonly proxy?: RegistryOptions } = {},
): Promise<string> {
  await using hosted = await startRegistry(options.hosted);
  await using proxy = await startRegistry(options.proxy);
  return await act({
    hosted,
    proxy,
    async says(config = {}, target = tag, ask = {}) {
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, ...config });
      return wordsOf(await fetchRaw(router.url, target, ask));
    },
  });
}

const notListening = async () => `http://127.0.0.1:${await closedPort()}`;
const push = { method: "PUT", headers: { "Content-Type": manifestType } };

/** A push of a tag that the proxy has with another digest. */
function shadowing(prepare: (proxy: TestRegistry) => void) {
  return scene(({ hosted, proxy, says }) => {
    proxy.addImage("team/app", { tag: "1" });
    prepare(proxy);
    const body = manifestOf(hosted.addBlob("team/app", "{}"));
    return says({ rules: [{ match: "**", shadow: "deny" }] }, tag, { ...push, body });
  });
}

/** A challenge of the proxy's for tokens. */
function challenged(parameters: (closed: string) => string) {
  return scene(async ({ proxy, says }) => {
    const challenge = `Bearer ${parameters(await notListening())}`;
    proxy.fault({ status: 401, headers: { "WWW-Authenticate": challenge } });
    return says({ proxy: { url: proxy.url, auth: user } });
  });
}

// What has to be done for each message of the page to come.
const scenes: Readonly<Record<string, () => Promise<string>>> = {
  "hosted failed (asks for credentials, and the router has none for it (401))": () =>
    scene(({ says }) => says(), { hosted: { auth: user } }),
  "hosted failed (refused the router's credentials (401))": () =>
    scene(({ hosted, says }) => says({ hosted: { url: hosted.url, auth: wrong } }), {
      hosted: { auth: user },
    }),
  "proxy failed (connection refused)": () => scene(async ({ says }) => says({ proxy: await notListening() })),
  "proxy failed (timeout after 30000 ms)": () =>
    scene(({ proxy, says }) => {
      proxy.fault({ hang: true });
      return says({ proxy: { url: proxy.url, timeouts: { headers: 100 } } });
    }),
  "proxy failed (circuit open)": () =>
    scene(async ({ hosted }) => {
      const proxy = {
        url: await notListening(),
        breaker: { failures: 1, delay: 60_000, longestDelay: 60_000 },
      };
      await using router = await startRouter({ hosted: hosted.url, proxy });
      await fetchRaw(router.url, tag);
      return wordsOf(await fetchRaw(router.url, tag));
    }),
  "proxy failed (queue full)": () =>
    scene(async ({ hosted, proxy }) => {
      const lookups = { concurrent: 1, queued: 0 };
      await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, lookups } });
      const slow = proxy.fault({ delay: 1_000 });
      const first = fetchRaw(router.url, tag);
      await until(5_000, "the first request to wait", () => slow.hits === 1);
      const second = wordsOf(await fetchRaw(router.url, "/v2/team/other/manifests/1"));
      await first;
      return second;
    }),
  "proxy failed (refused the router's credentials (401))": () =>
    scene(({ proxy, says }) => says({ proxy: { url: proxy.url, auth: wrong } }), { proxy: { auth: user } }),
  "... failed (token endpoint refused the router's credentials (401))": () =>
    scene(({ proxy, says }) => says({ proxy: { url: proxy.url, auth: wrong } }), {
      proxy: { tokens: { user } },
    }),
  "... failed (token endpoint: connection refused)": () =>
    challenged((closed) => `realm="${closed}/token",service="registry"`),
  "... failed (asks for a token, but its challenge names no safe token endpoint (401))": () =>
    challenged(() => 'service="registry"'),
  "proxy failed (rate limited)": () =>
    scene(({ proxy, says }) => {
      proxy.fault({ status: 429 });
      return says();
    }),
  "not copied from proxies: ...": () =>
    scene(({ says }) => says({}, tag, { ...push, body: manifestOf({ digest: digestOf("{}"), size: 2 }) })),
  "an upstream leads back to this router": () =>
    scene(({ says }) => says({ via: "this-one" }, tag, { headers: { Via: "1.1 this-one" } })),
  "the request's body was read before the router saw it": () =>
    scene(async ({ hosted, proxy }) => {
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url }, (handler) => {
        return (request, response) => {
          request.resume().once("end", () => handler(request, response));
        };
      });
      return wordsOf(await fetchRaw(router.url, tag, { ...push, body: "{}" }));
    }),
  "rules[2] does not let alice push to team-b/app": () =>
    scene(({ says }) => {
      const rules = ["a/**", "b/**", "**"].map((match) => ({ match, access: { push: ["bob"] } }));
      const headers = { ...push.headers, Authorization: asUser("alice") };
      const target = "/v2/team-b/app/manifests/1";
      return says({ authorize: users, rules }, target, { ...push, headers, body: "{}" });
    }),
  "team/app:1 is not pushed as ...: proxy has that tag with ...": () => shadowing(() => undefined),
  "could not check whether proxy has team/app:1 with another digest": () =>
    shadowing((proxy) => void proxy.fault({ status: 503 })),
  "TLS failed (...)": () =>
    scene(({ says }) => says(), {
      hosted: {
        tls: {
          cert: read("../../fixtures/test-only.cert.pem"),
          key: read("../../fixtures/test-only.key.pem"),
        },
      },
    }),
  "hosted failed (...)": () =>
    scene(async ({ proxy, says }) => {
      proxy.addImage("team/app", { tag: "1" });
      return says({ hosted: await notListening(), rules: [{ match: "**", owned: true }] });
    }),
  "pushes to a/b and deletes in it are denied: rules[1] denies them": () =>
    scene(({ says }) => {
      const rules = [{ match: "c/**" }, { match: "**", push: "deny" as const }];
      return says({ rules }, "/v2/a/b/manifests/1", { ...push, body: "{}" });
    }),
};

/** The first column of the page's table of what clients and the log are told. */
function documented(): string[] {
  const [, table = ""] =
    /<!-- checked by packages\/core\/test\/[a-z/]*messages.test.ts -->\n(.*?)\n\n/s.exec(
      read("../../../../../docs/operations.md"),
    ) ?? [];
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = ""]) => message);
}

/** Numbers may be others, and "..." stands for anything. */
function pattern(message: string): RegExp {
  const literal = message.replace(/[\\^$*+?()[\]{}|]/g, "\\$&");
  return new RegExp(literal.replaceAll("...", ".+").replace(/\b\d{3,} ms/g, "\\d+ ms"));
}

describe("the messages documented for operators", () => {
  it("are all tested here", () => {
    expect(documented()).toEqual(Object.keys(scenes));
  });

  it.each(Object.entries(scenes))("%s", async (message, produce) => {
    expect(await produce()).toMatch(pattern(message));
  });
});
