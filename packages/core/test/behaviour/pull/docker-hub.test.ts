import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { type RunningRouter, startRouter } from "../../support/router.ts";
import { until } from "../../support/within.ts";

const user = { username: "robot", password: "r&ght" };

interface Pair extends AsyncDisposable {
  readonly hub: TestRegistry;
  readonly hosted: TestRegistry;
  readonly router: RunningRouter;
}

/** A router over a registry with Docker Hub's manners, and a hosted one. */
async function startPair(options: RegistryOptions = {}, auth?: typeof user): Promise<Pair> {
  const hub = await startRegistry({ tokens: { realm: "own" }, ...options });
  const hosted = await startRegistry();
  hub.addImage("library/hello", { tag: "1.0" });
  hosted.addImage("team/app", { tag: "1.0" });
  const proxy = { name: "dockerhub", url: hub.url, ...(auth && { auth }) };
  // Every request is to be seen at the hub.
  const router = await startRouter({ hosted: hosted.url, proxy, memory: { absentTtl: 0, manifestBytes: 0 } });
  return {
    hub,
    hosted,
    router,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([hub.close(), hosted.close()]);
    },
  };
}

function pull({ router }: Pair, image: string, method = "GET"): Promise<Received> {
  const [repository, tag] = image.split(":");
  return fetchRaw(router.url, `/v2/${repository}/manifests/${tag}`, { method });
}

function tokenScopes({ hub }: Pair): string[] {
  return hub.requests
    .filter(({ path }) => path === "/token")
    .map(({ url }) => new URLSearchParams(url.slice("/token?".length)).getAll("scope").join(" "));
}

async function remaining({ router }: Pair): Promise<string | undefined> {
  const { body } = await fetchRaw(router.url, "/metrics");
  return /^combined_registry_ratelimit_remaining\{upstream="dockerhub"\} (\S+)$/m.exec(body.toString())?.[1];
}

describe("Docker Hub as a proxy", () => {
  it("is pulled from, manifest and layers, with one token for the repository", async () => {
    await using pair = await startPair();
    const manifest = await pull(pair, "library/hello:1.0");
    const { config, layers } = JSON.parse(manifest.body.toString());

    const blobs = await Promise.all(
      [config, ...layers].map(({ digest }) => fetchRaw(pair.router.url, `/v2/library/hello/blobs/${digest}`)),
    );

    expect([manifest, ...blobs].map(({ status }) => status)).toEqual([manifest, ...blobs].map(() => 200));
    expect(tokenScopes(pair)).toEqual(["repository:library/hello:pull"]);
  });

  it("gets one token request per scope for fifty concurrent pulls, from the first on", async () => {
    await using pair = await startPair();
    pair.hub.addImage("library/other", { tag: "1.0" });
    const images = Array.from(
      { length: 50 },
      (_, index) => `library/${index % 2 ? "hello" : "other"}:1.0?client=${index}`,
    );

    const pulls = await Promise.all(images.map((image) => pull(pair, image)));

    expect(new Set(pulls.map(({ status }) => status))).toEqual(new Set([200]));
    expect(tokenScopes(pair).sort()).toEqual([
      "repository:library/hello:pull",
      "repository:library/other:pull",
    ]);
    const bare = pair.hub.requests.filter(({ path, headers }) => path !== "/token" && !headers.authorization);
    // One of each client at the most, and the one that finds out the token endpoint.
    expect(bare.length).toBeLessThanOrEqual(pulls.length + 1);
  });

  it("answers 401 for unknown names, which are then pulled from hosted", async () => {
    await using pair = await startPair();
    await pull(pair, "team/app:1.0");
    pair.hub.clearRequests();

    const [get, head] = [await pull(pair, "team/app:1.0"), await pull(pair, "team/app:1.0", "HEAD")];
    const nowhere = await pull(pair, "team/nothing:1.0");

    expect([get, head].map(({ headers }) => headers["x-combined-registry"])).toEqual([
      "hosted; found; dockerhub not found",
      "hosted; found; dockerhub not found",
    ]);
    expect([nowhere.status, errorOf(nowhere).code]).toEqual([404, "MANIFEST_UNKNOWN"]);
    const asked = pair.hub.requests.filter(({ path }) => path.startsWith("/v2/team/app/"));
    expect(asked.map(({ method, status }) => [method, status])).toEqual([
      ["GET", 401],
      ["HEAD", 401],
    ]);
  });

  it("is asked for new tokens before the old ones expire, and never refuses one", async () => {
    await using pair = await startPair();
    const scope = "repository:library/hello:pull";
    const { body } = await fetchRaw(pair.hub.url, `/token?service=testkit&scope=${scope}`);
    const { token } = JSON.parse(body.toString());
    pair.hub.fault({ path: /^\/token/, status: 200, body: { token, expires_in: 0.1 } });
    pair.hub.clearRequests();
    const statuses = new Set<number>();

    await until(10_000, "a third token", async () => {
      statuses.add((await pull(pair, "library/hello:1.0")).status);
      return tokenScopes(pair).length >= 3;
    });

    expect(statuses).toEqual(new Set([200]));
    expect(new Set(tokenScopes(pair))).toEqual(new Set([scope]));
    const refused = pair.hub.requests.filter(
      ({ status, headers }) => status === 401 && headers.authorization,
    );
    expect(refused).toEqual([]);
  });

  it("is asked for one new token by fifty concurrent pulls when it has revoked the old one", async () => {
    await using pair = await startPair();
    await pull(pair, "library/hello:1.0");
    pair.hub.revokeTokens();
    pair.hub.clearRequests();

    const pulls = await Promise.all(Array.from({ length: 50 }, () => pull(pair, "library/hello:1.0")));

    expect(new Set(pulls.map(({ status }) => status))).toEqual(new Set([200]));
    expect(tokenScopes(pair)).toEqual(["repository:library/hello:pull"]);
  });
});

describe("Docker Hub's rate limit", () => {
  const rateLimit = { pulls: 2, retryAfter: 120 };

  it("is shown as a metric, after HEAD too", async () => {
    await using pair = await startPair({ rateLimit });

    expect(await remaining(pair)).toBeUndefined();
    await pull(pair, "library/hello:1.0", "HEAD");
    expect(await remaining(pair)).toBe("2");
    const { headers } = await pull(pair, "library/hello:1.0");
    expect(await remaining(pair)).toBe("1");
    expect(headers["ratelimit-remaining"]).toBe("1;w=21600");
  });

  it("becomes 429 with its Retry-After only if no other upstream has the manifest", async () => {
    await using pair = await startPair({ rateLimit });
    pair.hosted.addImage("library/hello", { tag: "mirrored" });
    pair.hub.addImage("library/hello", { tag: "mirrored" });
    const before = [await pull(pair, "library/hello:1.0"), await pull(pair, "library/hello:1.0")];

    const limited = await pull(pair, "library/hello:1.0");
    const mirrored = await pull(pair, "library/hello:mirrored");

    expect(before.map(({ status }) => status)).toEqual([200, 200]);
    expect([limited.status, limited.headers["retry-after"], errorOf(limited).code]).toEqual([
      429,
      "120",
      "TOOMANYREQUESTS",
    ]);
    expect(mirrored.headers["x-combined-registry"]).toBe("hosted; found; dockerhub failed (rate limited)");
    expect(await remaining(pair)).toBe("0");
  });

  it("on tokens does the same, and does not open the registry's breaker", async () => {
    await using pair = await startPair();
    pair.hub.fault({ path: /^\/token/, status: 429, headers: { "Retry-After": "60" } });

    const pulls = [];
    for (let tries = 0; tries < 6; tries += 1) {
      pulls.push(await pull(pair, `library/hello${tries}:1.0`));
    }

    expect(pulls.map(({ status, headers }) => [status, headers["retry-after"]])).toEqual(
      pulls.map(() => [429, "60"]),
    );
    expect(pulls.map((one) => errorOf(one).message)).toEqual(
      pulls.map(() => "dockerhub failed (token endpoint: rate limited), hosted not found"),
    );
  });
});

describe("an account at Docker Hub", () => {
  const tokens = { user, realm: "own" } as const;

  it.each(["GET", "POST", "both"] as const)("is used where tokens are given out by %s", async (method) => {
    await using pair = await startPair({ tokens: { ...tokens, anonymous: false, method } }, user);
    pair.hub.addImage("library/other", { tag: "1.0" });

    const pulls = [await pull(pair, "library/hello:1.0"), await pull(pair, "library/other:1.0")];

    expect(pulls.map(({ status }) => status)).toEqual([200, 200]);
    const asked = pair.hub.requests.filter(({ path }) => path === "/token").map((one) => one.method);
    expect(asked).toEqual(method === "POST" ? ["GET", "POST", "POST"] : ["GET", "GET"]);
  });

  it("with a wrong password is a failure with that cause, and hosted's content is still served", async () => {
    await using pair = await startPair({ tokens }, { ...user, password: "wrong" });
    const failed = "dockerhub failed (token endpoint refused the router's credentials (401))";

    const get = await pull(pair, "library/hello:1.0");
    const head = await pull(pair, "library/hello:1.0", "HEAD");
    const own = await pull(pair, "team/app:1.0");

    expect([get.status, errorOf(get).message]).toEqual([502, `${failed}, hosted not found`]);
    expect([head.status, head.headers.warning]).toEqual([502, undefined]);
    expect([own.status, own.headers["x-combined-registry"]]).toEqual([200, `hosted; found; ${failed}`]);
  });

  it("without access to one repository is no failure", async () => {
    await using pair = await startPair({ tokens }, user);
    pair.hub.fault({ path: /^\/token.*team/, status: 403, body: { errors: [{ code: "DENIED" }] } });

    const [own, nowhere] = [await pull(pair, "team/app:1.0"), await pull(pair, "team/nothing:1.0")];

    expect(own.headers["x-combined-registry"]).toBe("hosted; found; dockerhub not found");
    expect(nowhere.status).toBe(404);
  });
});
