import { describe, expect, it } from "@jest/globals";
import { assertConfig, completeConfig } from "../../src/config/complete-config.ts";
import { ConfigError, type ConfigProblem } from "../../src/config/problems.ts";

const hosted = "http://hosted:5000";
const proxy = "http://cache:5000";

function problemsOf(written: unknown): readonly ConfigProblem[] {
  try {
    assertConfig(written);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("completeConfig", () => {
  it("makes two URLs a complete configuration", () => {
    const config = completeConfig({ hosted, proxy });

    expect(config.hosted).toMatchObject({
      name: "hosted",
      kind: "hosted",
      redirects: "pass",
      auth: undefined,
    });
    expect(config.proxies).toHaveLength(1);
    expect(config.proxies[0]).toMatchObject({ name: "proxy", kind: "proxy" });
    expect(config.proxies[0]?.timeouts).toEqual({
      connect: 5000,
      headers: 30_000,
      idle: 60_000,
      write: 900_000,
      ping: 5000,
    });
    expect(config.proxies[0]).toMatchObject({
      breaker: { failures: 5, delay: 1_000, longestDelay: 10_000 },
      lookups: { concurrent: 256, queued: 1_024 },
    });
    expect(config).toMatchObject({ base: "all", lists: "first", decisionHeader: true, operations: "open" });
    expect(config.via).toMatch(/^combined-registry-[0-9a-f]{8}$/);
  });

  it("numbers unnamed proxies of a list, and keeps names and order", () => {
    const { proxies } = completeConfig({
      hosted,
      proxy: [proxy, { name: "ghcr", url: "http://ghcr:1" }, proxy],
    });

    expect(proxies.map(({ name }) => name)).toEqual(["proxy-1", "ghcr", "proxy-3"]);
  });

  it("has no breaker where it is switched off", () => {
    expect(completeConfig({ hosted: { url: hosted, breaker: false }, proxy }).hosted.breaker).toBeUndefined();
  });

  it("keeps a path before /v2/, without its slash", () => {
    expect(completeConfig({ hosted: "http://h/artifactory/docker/", proxy }).hosted.url.pathname).toBe(
      "/artifactory/docker",
    );
  });

  it.each([
    ["http://h/v2/", "/"],
    ["http://h/v2", "/"],
    ["http://h//v2//", "/"],
    ["http://h:5000/V2/", "/"],
    ["http://h/artifactory/docker/v2/", "/artifactory/docker"],
    ["http://h/apiv2/", "/apiv2"],
    ["http://h/gateway/v2/registry/", "/gateway/v2/registry"],
  ])("takes %s as a registry at %s", (url, pathname) => {
    const config = completeConfig({ hosted: url, proxy: [{ name: "hub", url }] });

    expect([config.hosted, ...config.proxies].map((upstream) => upstream.url.pathname)).toEqual([
      pathname,
      pathname,
    ]);
  });
});

describe("a configuration that cannot be used", () => {
  it.each<[string, unknown, Partial<ConfigProblem>]>([
    ["nothing", undefined, { option: "", expected: "a table of options" }],
    ["no hosted", { proxy }, { option: "hosted", given: undefined }],
    ["no proxy", { hosted }, { option: "proxy", given: undefined }],
    ["an empty list", { hosted, proxy: [] }, { option: "proxy", expected: "at least one upstream" }],
    ["a URL without scheme", { hosted: "hosted:5000", proxy }, { option: "hosted", given: '"hosted:5000"' }],
    ["another scheme", { hosted, proxy: { url: "ftp://x" } }, { option: "proxy.url", given: '"ftp://x"' }],
    [
      "a query",
      { hosted, proxy: [proxy, "http://x/?a=b"] },
      { option: "proxy[1]", expected: "a URL without query and fragment" },
    ],
    ...[
      "https://index.docker.io/v1/",
      "http://h:5000/v1",
      "http://h/prefix/v1/",
      "http://h/v1/repositories",
    ].map((url): [string, unknown, Partial<ConfigProblem>] => [
      `the first version of the API: ${url}`,
      { hosted, proxy: url },
      {
        option: "proxy",
        expected: "the address of a registry with the API of version 2, without /v1/ (the router adds /v2/)",
        given: JSON.stringify(url),
      },
    ]),
    ...["docker.io", "www.docker.io", "hub.docker.com", "DOCKER.IO"].map(
      (site): [string, unknown, Partial<ConfigProblem>] => [
        `the site ${site} in place of its registry`,
        { hosted, proxy: { url: `https://${site}/v2/` } },
        {
          option: "proxy.url",
          expected: `https://registry-1.docker.io, which is the registry of ${site.toLowerCase()}`,
        },
      ],
    ),
    [
      "the address of a repository",
      { hosted, proxy: "https://ghcr.io/v2/owner" },
      {
        option: "proxy",
        expected: "a URL that does not go on after /v2/ (the router adds /v2/ and the repository)",
      },
    ],
    [
      "an unknown key",
      { hosted, proxy, prxy: 1 },
      { option: "prxy", expected: "no such option", given: "1" },
    ],
    [
      "a breaker that opens before anything fails",
      { hosted: { url: hosted, breaker: { failures: 0 } }, proxy },
      { option: "hosted.breaker.failures", expected: "a whole number, at least 1", given: "0" },
    ],
    [
      "a breaker that waits longer than it may",
      { hosted, proxy: { url: proxy, breaker: { delay: 60_000 } } },
      { option: "proxy.breaker.longestDelay", expected: "at least as many milliseconds as delay" },
    ],
    [
      "a breaker that is neither false nor a table",
      { hosted, proxy: { url: proxy, breaker: true } },
      { option: "proxy.breaker", expected: "false, or a table with failures, delay and longestDelay" },
    ],
    [
      "an unknown key of a breaker",
      { hosted, proxy: { url: proxy, breaker: { failure: 3 } } },
      { option: "proxy.breaker.failure", expected: "no such option" },
    ],
    [
      "a negative queue length",
      { hosted, proxy: { url: proxy, lookups: { queued: -1 } } },
      { option: "proxy.lookups.queued", expected: "0 or more" },
    ],
    [
      "an unknown nested key",
      { hosted: { url: hosted, timeouts: { conect: 5 } }, proxy },
      { option: "hosted.timeouts.conect" },
    ],
    [
      "a number out of bounds",
      { hosted: { url: hosted, timeouts: { connect: 0 } }, proxy },
      { option: "hosted.timeouts.connect", given: "0" },
    ],
    [
      "a value that is no choice",
      { hosted, proxy, base: "some" },
      { option: "base", expected: 'one of "all", "hosted", "any"', given: '"some"' },
    ],
    [
      "users without an authorize hook",
      {
        hosted,
        proxy,
        rules: [
          { match: "a", access: {} },
          { match: "b", access: { push: ["alice"] } },
        ],
      },
      {
        option: "rules[1].access.push",
        expected:
          'authentication (auth.htpasswdFile, or an authorize function), without which the router knows no users, or "anonymous"',
        given: '["alice"]',
      },
    ],
    [
      "known users without anybody who knows them",
      { hosted, proxy, rules: [{ match: "a", access: { pull: "authenticated" } }] },
      { option: "rules[0].access.pull", given: '"authenticated"' },
    ],
    [
      "access where hosted judges",
      {
        hosted: { url: hosted, auth: "passthrough" },
        proxy,
        rules: [{ match: "a", access: { pull: "anonymous" } }],
      },
      {
        option: "rules[0].access.pull",
        expected: 'nothing beside hosted.auth "passthrough", with which hosted alone judges its users',
        given: '"anonymous"',
      },
    ],
    [
      "access for no user",
      { hosted, proxy, authorize: () => "allow", rules: [{ match: "a", access: { pull: [] } }] },
      {
        option: "rules[0].access.pull",
        expected: "at least one user",
        given: "a list of 0",
      },
    ],
    [
      "access for a user without a name",
      { hosted, proxy, authorize: () => "allow", rules: [{ match: "a", access: { push: ["a", ""] } }] },
      { option: "rules[0].access.push[1]", expected: "a user's name", given: '""' },
    ],
    [
      "access for an unknown kind of user",
      { hosted, proxy, authorize: () => "allow", rules: [{ match: "a", access: { pull: "alice" } }] },
      {
        option: "rules[0].access.pull",
        expected: '"anonymous", "authenticated" or a list of users',
        given: '"alice"',
      },
    ],
    [
      "a name twice",
      {
        hosted,
        proxy: [
          { name: "a", url: proxy },
          { name: "a", url: proxy },
        ],
      },
      { option: "proxy[1].name" },
    ],
    [
      "hosted's name for a proxy",
      { hosted, proxy: { name: "hosted", url: proxy } },
      { option: "proxy.name" },
    ],
    [
      "hosted's name for the only proxy of a list",
      { hosted, proxy: [{ name: "hosted", url: proxy }] },
      { option: "proxy[0].name" },
    ],
    ["the router's name", { hosted: { name: "router", url: hosted }, proxy }, { option: "hosted.name" }],
    [
      "a certificate without key",
      { hosted: { url: hosted, tls: { cert: "x" } }, proxy },
      { option: "hosted.tls", expected: "cert and key together" },
    ],
    [
      "no address",
      { hosted, proxy, trustProxy: ["10.0.0.0/33"] },
      { option: "trustProxy[0]", given: '"10.0.0.0/33"' },
    ],
    [
      "a string for a function",
      { hosted, proxy, authorize: "allow" },
      { option: "authorize", expected: "a function" },
    ],
    ...["hosted", "proxy"].map((side): [string, object, object] => [
      `a user name for ${side} with the password in it`,
      { hosted, proxy, [side]: { url: hosted, auth: { username: "bob:hunter2", password: "" } } },
      {
        option: `${side}.auth.username`,
        expected: "a user name without a colon",
        given: "a string (not shown)",
      },
    ]),
    [
      "passthrough for a proxy",
      { hosted, proxy: { url: proxy, auth: "passthrough" } },
      { option: "proxy.auth" },
    ],
    [
      "two judges of one header",
      { hosted: { url: hosted, auth: "passthrough" }, proxy, authorize: () => "allow" },
      { option: "hosted.auth" },
    ],
    [
      "protection without an authorize hook",
      { hosted, proxy, operations: "protected" },
      {
        option: "operations",
        expected: '"open" or "off" without authorize, which decides who may see them',
        given: '"protected"',
      },
    ],
    [
      "protection without an authorize hook, with passthrough",
      { hosted: { url: hosted, auth: "passthrough" }, proxy, operations: "protected" },
      { option: "operations" },
    ],
  ])("%s", (_, written, problem) => {
    expect(problemsOf(written)).toEqual([expect.objectContaining(problem)]);
  });

  it("names every problem at once, a line each", () => {
    expect(() => completeConfig({ hosted: 1, proxy, base: 2 })).toThrow(
      /^hosted: expected .*\nbase: expected .*given 2$/,
    );
  });

  it("never repeats a secret", () => {
    const written = {
      hosted: {
        url: "http://bob:hunter2@hosted",
        auth: { username: "bob", password: ["hunter2"] },
        tls: { key: 5, cert: "hunter2" },
      },
      proxy,
      token: "hunter2",
    };

    expect(() => completeConfig(written)).toThrow(ConfigError);
    expect(JSON.stringify(problemsOf(written))).not.toContain("hunter2");
  });
});
