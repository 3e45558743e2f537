import { inspect } from "node:util";
import {
  type CombinedRegistryConfig,
  ConfigError,
  createCombinedRegistryHandler,
} from "@combined-registry/core";
import { type Fault, startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw, type Received } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString("base64");
const secrets = {
  hosted: "hosted-pass-w0rd",
  proxy: "proxy-pass-w0rd",
  client: "client-pass-w0rd",
  cookie: "session-c00kie",
  query: "query-t0ken",
};
/** In every form in which they travel. */
const forms = [
  ...Object.values(secrets),
  basic("router", secrets.hosted),
  basic("reader", secrets.proxy),
  basic("alice", secrets.client),
];

function secretsIn(text: string): string[] {
  return forms.filter((form) => text.includes(form));
}

function textOf({ headers, body }: Received): string {
  return JSON.stringify(headers) + body.toString();
}

describe("credentials", () => {
  const troubles: Record<string, Fault | undefined> = {
    "all is well": undefined,
    "an upstream refuses them": { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } },
    "an upstream resets the connection": { reset: true },
    "an upstream never answers": { hang: true },
    "an upstream fails": { status: 500, body: { errors: [{ code: "UNKNOWN", message: "no" }] } },
    "an upstream sends nonsense": { status: 200, headers: { "Content-Length": "10" }, body: "0123456789" },
    "an upstream breaks off": { cutAt: 5 },
  };

  it.each(Object.entries(troubles))("appear in no log, metric, error or answer when %s", async (_, fault) => {
    await using proxy = await startRegistry({ auth: { username: "reader", password: secrets.proxy } });
    await using hosted = await startRegistry({ auth: { username: "router", password: secrets.hosted } });
    hosted.addImage("acme/app", { tag: "1.0", layers: ["x"] });
    const logged: unknown[] = [];
    const log = (fields: object, message: string) => void logged.push(fields, message);
    await using router = await startRouter({
      hosted: {
        url: hosted.url,
        auth: { username: "router", password: secrets.hosted },
        timeouts: { headers: 100, write: 100 },
      },
      proxy: {
        url: proxy.url,
        auth: { username: "reader", password: secrets.proxy },
        timeouts: { headers: 100 },
      },
      authorize: () => ({ decision: "allow", user: "alice" }),
      logger: { debug: log, info: log, warn: log, error: log },
    });
    if (fault !== undefined) {
      proxy.fault(fault);
      hosted.fault(fault);
    }
    const headers = {
      Authorization: `Basic ${basic("alice", secrets.client)}`,
      Cookie: `sid=${secrets.cookie}`,
      "Proxy-Authorization": `Basic ${basic("alice", secrets.client)}`,
    };

    const answers = [
      await fetchRaw(router.url, `/v2/acme/app/manifests/1.0?token=${secrets.query}`, { headers }),
      await fetchRaw(router.url, "/v2/acme/app/tags/list", { headers }),
      await fetchRaw(router.url, "/v2/", { headers }),
      await fetchRaw(router.url, "/v2/acme/app/manifests/2.0", { method: "PUT", headers, body: "{}" }),
      await fetchRaw(router.url, "/v2/acme/app/nothing/such", { headers }),
      await fetchRaw(router.url, "/healthcheck", { headers }),
      await fetchRaw(router.url, "/metrics", { headers }),
    ];

    expect(answers.flatMap((answer) => secretsIn(textOf(answer)))).toEqual([]);
    expect(logged.length).toBeGreaterThan(5);
    expect(secretsIn(inspect(logged, { depth: 20, maxStringLength: Number.POSITIVE_INFINITY }))).toEqual([]);
  });

  it.each<[string, "GET" | "POST", Fault | undefined]>([
    ["with GET", "GET", undefined],
    ["with a form", "POST", undefined],
    ["in vain", "GET", { status: 401, body: { errors: [{ code: "DENIED", message: secrets.proxy }] } }],
    ["of an endpoint that breaks off", "POST", { cutAt: 30 }],
    ["of an endpoint that hangs", "POST", { hang: true }],
  ])("and tokens appear nowhere when they are asked for %s", async (_, method, fault) => {
    const user = { username: "reader", password: secrets.proxy };
    await using proxy = await startRegistry({ tokens: { user, method } });
    await using hosted = await startRegistry();
    proxy.addImage("acme/app", { tag: "1.0" });
    if (fault !== undefined) {
      proxy.fault({ path: /^\/token/, ...fault });
    }
    const logged: unknown[] = [];
    const log = (fields: object, message: string) => void logged.push(fields, message);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, auth: user, timeouts: { headers: 100 } },
      logger: { debug: log, info: log, warn: log, error: log },
    });

    const answers = [
      await fetchRaw(router.url, "/v2/acme/app/manifests/1.0"),
      await fetchRaw(router.url, "/v2/acme/app/manifests/none"),
      await fetchRaw(router.url, "/healthcheck"),
      await fetchRaw(router.url, "/metrics"),
    ];

    const told = [...answers.map(textOf), inspect(logged, { depth: 20 })].join("\n");
    const tokens = proxy.requests.flatMap(
      ({ headers }) => /^Bearer (.+)/.exec(String(headers.authorization))?.[1] ?? [],
    );
    expect(tokens.length > 0).toBe(fault === undefined);
    expect([...secretsIn(told), ...tokens.filter((token) => told.includes(token))]).toEqual([]);
  });

  it.each<[string, object]>([
    [
      "a password of the wrong type",
      { hosted: { url: "http://h", auth: { username: "a", password: [secrets.hosted] } } },
    ],
    ["credentials in a URL", { hosted: `http://router:${secrets.hosted}@h` }],
    ["credentials as one text", { hosted: { url: "http://h", auth: `router:${secrets.hosted}` } }],
    [
      "a misplaced key",
      { hosted: { url: "http://h", tls: { cert: "c", key: secrets.hosted, nokey: secrets.hosted } } },
    ],
  ])("appear in no message about a configuration: %s", (_, config) => {
    const make = () =>
      createCombinedRegistryHandler({ proxy: "http://p", ...config } as CombinedRegistryConfig);

    expect(make).toThrow(ConfigError);
    let said = "";
    try {
      make();
    } catch (error) {
      said = inspect(error, { depth: 20 });
    }
    expect(secretsIn(said)).toEqual([]);
  });
});
