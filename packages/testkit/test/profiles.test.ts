import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import {
  type BehaviourOptions,
  type ProfileName,
  profiles,
  type RegistryOptions,
  refusals,
  startRegistry,
  type TestRegistry,
} from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { codesOf, type Received, send } from "./support/client.ts";

const name = "acme/team/app";

/** A registry with one image. */
async function started(options: RegistryOptions) {
  const registry = await startRegistry(options);
  const image = registry.addImage(name, { tag: "1", layers: ["a layer"] });
  const [layer] = image.layers;
  return { registry, image, layer: layer?.digest ?? "" };
}

function basic({ user }: TestRegistry): Record<string, string> {
  return user === undefined
    ? {}
    : { Authorization: `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}` };
}

/** Asks for a token as a challenge says. */
async function token(registry: TestRegistry, scope: string, headers: Record<string, string> = {}) {
  const challenge = (await send(registry.url, "GET", "/v2/")).headers["www-authenticate"] ?? "";
  const [, realm = "", service = ""] = /realm="([^"]+)",service="([^"]+)"/.exec(challenge) ?? [];
  const url = new URL(realm, registry.url);
  const query = new URLSearchParams({ service, ...(scope !== "" && { scope }) });
  return send(url.origin, "GET", `${url.pathname}?${query}`, { headers });
}

/** The headers of a client that has logged in, or has not, and may do what it wants. */
async function login(registry: TestRegistry, repository: string, asUser = true) {
  const first = await send(registry.url, "GET", "/v2/");
  const challenge = first.headers["www-authenticate"] ?? "";
  if (!challenge.startsWith("Bearer")) {
    return challenge === "" ? {} : basic(registry);
  }
  const scope = `repository:${repository}:${asUser ? "pull,push" : "pull"}`;
  const { body } = await token(registry, scope, asUser ? basic(registry) : {});
  const { token: one, access_token: other } = JSON.parse(body.toString());
  return { Authorization: `Bearer ${one ?? other}` };
}

/** Pushes a blob in the way of most clients: POST, then PUT where the answer says. */
async function pushBlob(registry: TestRegistry, repository: string): Promise<[Received, Received]> {
  const headers = await login(registry, repository);
  const opened = await send(registry.url, "POST", `/v2/${repository}/blobs/uploads/`, { headers });
  const { origin, pathname, search } = new URL(opened.headers.location ?? "/none", registry.url);
  const digest = `sha256:${createHash("sha256").update("HAHA").digest("hex")}`;
  const target = `${pathname}${search === "" ? "?" : `${search}&`}digest=${digest}`;
  return [opened, await send(origin, "PUT", target, { headers, body: "HAHA" })];
}

const told = (answer: Received) => [answer.status, codesOf(answer)[0]];
const location = ({ headers }: Received) => String(headers.location);

describe("the profiles", () => {
  const names = Object.keys(profiles).filter((one): one is ProfileName => one in profiles);

  it("are those of the field", () => {
    expect(names).toEqual(
      expect.arrayContaining([
        "ecr",
        "ghcr",
        "artifact-registry",
        "gcr",
        "harbor",
        "artifactory",
        "quay",
        "gitlab",
        "dockerhub",
        "k8s",
        "mcr",
        "acr",
        "nexus",
        "olareg",
        "zot",
        "distribution",
        "distribution-3",
      ]),
    );
  });

  it.each(names)("%s: a client that follows challenges and redirects pulls", async (like) => {
    const { registry, image, layer } = await started({ like });
    await using _ = registry;
    const headers = await login(registry, name);
    const follow = (target: string) => fetch(`${registry.url}${target}`, { headers });

    const manifest = await follow(`/v2/${name}/manifests/1`);
    const blob = await follow(`/v2/${name}/blobs/${layer}`);

    expect([manifest.status, blob.status]).toEqual([200, 200]);
    expect(await manifest.text()).toBe(registry.manifest(name, image.digest)?.toString());
    expect((await blob.arrayBuffer()).byteLength).toBe(image.layers[0]?.size);
  });

  it.each(names.filter((one) => !["k8s", "mcr"].includes(one)))(
    "%s: a client that logs in pushes",
    async (like) => {
      const { registry } = await started({ like });
      await using _ = registry;

      const [opened, put] = await pushBlob(registry, name);

      expect([opened.status, put.status]).toEqual([202, 201]);
    },
  );

  it.each(["k8s", "mcr"] as const)("%s takes no pushes", async (like) => {
    const { registry } = await started({ like });
    await using _ = registry;

    expect(told(await send(registry.url, "POST", `/v2/${name}/blobs/uploads/`))).toEqual([
      405,
      "UNSUPPORTED",
    ]);
  });

  it("an unknown one is refused with the list of those that exist", async () => {
    const like: string = "ghrc";
    const options: object = { like };

    await expect(startRegistry(options)).rejects.toThrow(/no profile ghrc; there are .*ghcr/);
  });

  it("give way to other options, one by one", async () => {
    const { registry, image } = await started({
      like: "ghcr",
      referrers: true,
      tokens: { user: { username: "me", password: "mine" } },
    });
    await using _ = registry;
    const headers = await login(registry, name);

    const list = await send(registry.url, "GET", `/v2/${name}/referrers/${image.digest}`, { headers });
    const challenge = (await send(registry.url, "GET", "/v2/")).headers["www-authenticate"];

    expect([registry.user, list.status]).toEqual([{ username: "me", password: "mine" }, 200]);
    expect(challenge).toContain('service="ghcr.io"');
  });
});

describe("where uploads are", () => {
  it.each<[ProfileName, RegExp]>([
    ["artifact-registry", /^\/artifacts-uploads\/namespaces\/acme\/repositories\/team\/uploads\/[^/]+\?/],
    ["gcr", /^\/artifacts-uploads\/namespaces\/acme\/repositories\/gcr\.io\/uploads\/[^/]+\?/],
    ["ghcr", /^\/v2\/acme\/team\/app\/blobs\/upload\/[^/]+\?/],
    ["nexus", /^\/v2\/acme\/team\/app\/blobs\/uploads\/[^/]+\?/],
    ["distribution", /^http:\/\/[^/]+\/v2\/acme\/team\/app\/blobs\/uploads\/[^/]+\?/],
    ["ecr", /^http:\/\/[^/]+\/v2\/acme\/team\/app\/blobs\/uploads\/[^/]+\?/],
    ["artifactory", /^http:\/\/[^/]+\/v2\/acme\/team\/app\/blobs\/uploads\/[^/]+\?/],
  ])("%s: %s", async (like, expected) => {
    const { registry } = await started({ like });
    await using _ = registry;

    const [opened] = await pushBlob(registry, name);

    expect(location(opened)).toMatch(expected);
  });

  it("no other path leads to a session", async () => {
    const { registry } = await started({ like: "ghcr" });
    await using _ = registry;
    const [opened] = await pushBlob(registry, name);
    const headers = await login(registry, name);
    const usual = new URL(location(opened), registry.url).pathname.replace("/upload/", "/uploads/");

    expect((await send(registry.url, "PUT", usual, { headers })).status).toBe(404);
  });
});

describe("where reads are redirected", () => {
  type Row = readonly [ProfileName, string, string, number, "own" | "elsewhere", RegExp];

  it.each<Row>([
    [
      "artifact-registry",
      "GET",
      "blobs",
      302,
      "own",
      /^\/artifacts-downloads\/namespaces\/acme\/repositories\/team\/downloads\//,
    ],
    [
      "gcr",
      "GET",
      "blobs",
      302,
      "own",
      /^\/artifacts-downloads\/namespaces\/acme\/repositories\/gcr\.io\/downloads\//,
    ],
    ["artifactory", "GET", "blobs", 307, "own", /^\/artifactory\/api\/docker\//],
    ["ecr", "GET", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
    ["ghcr", "GET", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
    ["ghcr", "GET", "referrers", 303, "elsewhere", /referrers%2Fsha256$/],
    ["dockerhub", "HEAD", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
    ["quay", "GET", "blobs", 302, "elsewhere", /\/storage\/sha256:/],
    ["mcr", "GET", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
    ["acr", "GET", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
    ["k8s", "GET", "manifests", 307, "elsewhere", /\/v2\/acme\/team\/app\/manifests\/sha256:/],
    ["k8s", "HEAD", "blobs", 307, "elsewhere", /\/storage\/sha256:/],
  ])("%s: %s %s", async (like, method, kind, status, to, path) => {
    const { registry, image, layer } = await started({ like });
    await using _ = registry;
    const digest = kind === "blobs" ? layer : image.digest;

    const answer = await send(registry.url, method, `/v2/${name}/${kind}/${digest}`, {
      headers: await login(registry, name),
    });

    expect(answer.status).toBe(status);
    expect(location(answer)).toMatch(path);
    const begin = to === "own" ? "/" : `${registry.elsewhere?.url}/`;
    expect(location(answer).startsWith(begin)).toBe(true);
  });

  it("k8s: the version check too", async () => {
    await using registry = await startRegistry({ like: "k8s" });

    const answer = await send(registry.url, "GET", "/v2/");

    expect([answer.status, location(answer)]).toEqual([307, `${registry.elsewhere?.url}/v2/`]);
    await fetch(`${registry.url}/v2/`);
    expect(registry.elsewhere?.requests.map(({ path }) => path)).toEqual(["/v2/"]);
  });
});

describe("what is asked of clients", () => {
  it.each<[ProfileName, RegExp]>([
    ["ecr", /^Basic realm="https:\/\/012345678901\.dkr\.ecr\..*",service="ecr\.amazonaws\.com"$/],
    ["nexus", /^BASIC realm="Sonatype Nexus Repository Manager"$/],
    ["artifact-registry", /^Bearer realm="http:\/\/[^/]+\/v2\/token",service="europe-docker\.pkg\.dev"$/],
    ["harbor", /^Bearer realm="http:\/\/[^/]+\/service\/token",service="harbor-registry"$/],
    ["quay", /^Bearer realm="http:\/\/[^/]+\/v2\/auth",service="quay\.io"$/],
    ["acr", /^Bearer realm="http:\/\/[^/]+\/oauth2\/token",service="contoso\.azurecr\.io"$/],
    ["artifactory", /^Bearer realm="http:\/\/[^/]+\/artifactory\/api\/docker\/docker-local\/v2\/token"/],
  ])("%s: %s", async (like, challenge) => {
    await using registry = await startRegistry({ like });

    const answer = await send(registry.url, "GET", "/v2/");

    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringMatching(challenge),
    ]);
  });

  it.each(["gitlab", "dockerhub"] as const)("%s: its tokens come from another host", async (like) => {
    await using registry = await startRegistry({ like });

    const { headers } = await send(registry.url, "GET", "/v2/");

    expect(headers["www-authenticate"]).toContain(`realm="${registry.elsewhere?.url}/`);
  });

  it("mcr: nothing", async () => {
    await using registry = await startRegistry({ like: "mcr" });

    expect((await send(registry.url, "GET", "/v2/")).status).toBe(200);
  });

  it("olareg: a realm without a host, once it has tokens", async () => {
    await using registry = await startRegistry({ like: "olareg", tokens: {} });

    const { headers } = await send(registry.url, "GET", "/v2/");

    expect(headers["www-authenticate"]).toContain('realm="/token"');
  });

  it("acr: an access token alone, and a refresh token in place of a password", async () => {
    const { registry } = await started({ like: "acr" });
    await using _ = registry;
    const form = { grant_type: "refresh_token", scope: `repository:${name}:pull` };
    const post = (refresh_token: string) =>
      send(registry.url, "POST", "/oauth2/token", {
        body: new URLSearchParams({ ...form, refresh_token }).toString(),
      });

    const right = await post(registry.user?.password ?? "");

    expect(Object.keys(JSON.parse(right.body.toString()))).not.toContain("token");
    expect((await post("other")).status).toBe(401);
  });

  it("gitlab: a scope before a token", async () => {
    const { registry } = await started({ like: "gitlab" });
    await using _ = registry;

    const without = await token(registry, "");
    const withScope = await token(registry, `repository:${name}:pull`);
    const asUser = await token(registry, "", basic(registry));

    expect([told(without), withScope.status, asUser.status]).toEqual([[403, "DENIED"], 200, 200]);
  });
});

describe("what is said of unknown names", () => {
  const unknown = "nobody/has/this";
  type Row = readonly [ProfileName, "anonymous" | "user", number, string, string];

  it.each<Row>([
    [
      "ecr",
      "user",
      404,
      "NAME_UNKNOWN",
      "The repository with name 'nobody/has/this' does not exist in the registry",
    ],
    [
      "artifact-registry",
      "user",
      403,
      "DENIED",
      'denied on resource "projects/nobody/locations/europe/repositories/has" (or it may not exist)',
    ],
    [
      "harbor",
      "user",
      401,
      "UNAUTHORIZED",
      "unauthorized to access repository: nobody/has/this, action: pull",
    ],
    ["dockerhub", "anonymous", 401, "UNAUTHORIZED", "authentication required"],
    ["quay", "anonymous", 401, "UNAUTHORIZED", "authentication required"],
    ["harbor", "anonymous", 401, "UNAUTHORIZED", "authentication required"],
  ])("%s, %s: %i %s", async (like, who, status, code, words) => {
    const { registry } = await started({ like });
    await using _ = registry;
    const headers = await login(registry, unknown, who === "user");

    const answer = await send(registry.url, "GET", `/v2/${unknown}/manifests/1`, { headers });

    const plain = answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.body) : answer.body;
    const [error] = JSON.parse(plain.toString()).errors;
    expect([answer.status, error.code, error.message]).toEqual([
      status,
      code,
      expect.stringContaining(words),
    ]);
  });

  it.each<[ProfileName, number, string]>([
    ["ghcr", 403, "DENIED"],
    ["artifact-registry", 403, "DENIED"],
    ["gitlab", 403, "DENIED"],
  ])("%s: no token, but %i %s", async (like, status, code) => {
    const { registry } = await started({ like });
    await using _ = registry;

    expect(told(await token(registry, `repository:${unknown}:pull`))).toEqual([status, code]);
  });

  it.each<[ProfileName, number, string]>([
    ["ecr", 404, "NAME_UNKNOWN"],
    ["harbor", 401, "UNAUTHORIZED"],
    ["artifact-registry", 404, "NAME_UNKNOWN"],
  ])("%s: no push to what does not exist, %i %s", async (like, status, code) => {
    const { registry } = await started({ like });
    await using _ = registry;
    const headers = await login(registry, unknown);
    const post = () => send(registry.url, "POST", `/v2/${unknown}/blobs/uploads/`, { headers });

    expect(told(await post())).toEqual([status, code]);
    registry.createRepository(unknown);
    expect((await post()).status).toBe(202);
  });

  it("harbor, artifact-registry: a new image in a project that exists is only unknown", async () => {
    for (const like of ["harbor", "artifact-registry"] as const) {
      const { registry } = await started({ like });
      await using _ = registry;
      const fresh = "acme/team/new";
      const headers = await login(registry, fresh);

      expect(told(await send(registry.url, "GET", `/v2/${fresh}/manifests/1`, { headers }))).toEqual([
        404,
        "MANIFEST_UNKNOWN",
      ]);
    }
  });

  it.each<[RegistryOptions, unknown]>([
    [{ like: "olareg" }, { name: unknown, tags: [] }],
    [
      { like: "olareg", unknownTags: "null" },
      { name: unknown, tags: null },
    ],
  ])("%j: a list of tags", async (options, list) => {
    const { registry } = await started(options);
    await using _ = registry;

    const answer = await send(registry.url, "GET", `/v2/${unknown}/tags/list`);

    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([200, list]);
  });
});

describe("ecr: a password", () => {
  it("ends after its time, with 403 and the reason, until it is replaced", async () => {
    const { registry } = await started({ like: "ecr" });
    await using _ = registry;
    const old = basic(registry);
    const pull = (headers: Record<string, string>) =>
      send(registry.url, "GET", `/v2/${name}/manifests/1`, { headers });

    expect((await pull(old)).status).toBe(200);
    registry.revokeTokens();
    const late = await pull(old);
    registry.replacePassword("renewed");

    expect(told(late)).toEqual([403, "DENIED"]);
    expect(late.body.toString()).toContain("Your authorization token has expired");
    const renewed = { Authorization: `Basic ${Buffer.from("AWS:renewed").toString("base64")}` };
    expect([(await pull(renewed)).status, (await pull(old)).status, (await pull({})).status]).toEqual([
      200, 403, 401,
    ]);
  });

  it("may have another lifetime", async () => {
    const { registry } = await started({
      like: "ecr",
      auth: { username: "AWS", password: "short", lifetime: 0 },
    });
    await using _ = registry;

    expect((await send(registry.url, "GET", "/v2/", { headers: basic(registry) })).status).toBe(403);
  });
});

describe("a token whose time is over", () => {
  it.each<[string, RegistryOptions, unknown]>([
    ["without words of its own", {}, [401, "UNAUTHORIZED"]],
    ["expired", { expired: { status: 403, code: "DENIED", message: "expired" } }, [403, "DENIED"]],
  ])("is answered as a registry %s does", async (_, options, expected) => {
    const { registry } = await started({ like: "harbor", ...options });
    await using __ = registry;
    const headers = await login(registry, name);
    const pull = (shown: Record<string, string>) =>
      send(registry.url, "GET", `/v2/${name}/manifests/1`, { headers: shown });

    expect((await pull(headers)).status).toBe(200);
    registry.revokeTokens();

    expect(told(await pull(headers))).toEqual(expected);
    expect(told(await pull({ Authorization: "Bearer never-issued" }))).toEqual([401, "UNAUTHORIZED"]);
  });
});

describe("other habits", () => {
  it.each<[ProfileName, string, RegExp]>([
    ["harbor", "set-cookie", /^sid=.*HttpOnly$/],
    ["artifactory", "x-jfrog-version", /^Artifactory\//],
    ["artifactory", "x-artifactory-id", /./],
    ["gcr", "x-gcr-using-artifact-registry", /^true$/],
  ])("%s: the header %s", async (like, header, value) => {
    await using registry = await startRegistry({ like });

    const { headers } = await send(registry.url, "GET", "/v2/");

    expect(String(headers[header])).toMatch(value);
  });

  it("quay: compresses for clients that accept no compression", async () => {
    const { registry } = await started({ like: "quay" });
    await using _ = registry;
    const headers = { ...(await login(registry, name)), "Accept-Encoding": "identity" };

    const answer = await send(registry.url, "GET", `/v2/${name}/manifests/1`, { headers });

    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(answer.body)).toEqual(registry.manifest(name, "1"));
  });

  it("dockerhub: a hundred pulls", async () => {
    const { registry } = await started({ like: "dockerhub" });
    await using _ = registry;

    const answer = await send(registry.url, "HEAD", `/v2/${name}/manifests/1`, {
      headers: await login(registry, name),
    });

    expect(answer.headers["ratelimit-limit"]).toBe("100;w=21600");
  });

  it("gitlab: reads a tag sha256-... as a digest", async () => {
    const { registry, image } = await started({ like: "gitlab" });
    await using _ = registry;

    const answer = await send(
      registry.url,
      "GET",
      `/v2/${name}/manifests/${image.digest.replace(":", "-")}`,
      {
        headers: await login(registry, name),
      },
    );

    expect([answer.status, answer.headers["docker-content-digest"]]).toEqual([200, image.digest]);
  });

  it.each<[ProfileName, number]>([
    ["dockerhub", 401],
    ["ghcr", 401],
    ["k8s", 404],
    ["mcr", 200],
    ["distribution", 200],
  ])("%s: the catalog is answered %i", async (like, status) => {
    await using registry = await startRegistry({ like });
    const headers = await login(registry, name);

    expect((await send(registry.url, "GET", "/v2/_catalog", { headers })).status).toBe(status);
  });

  it.each<[ProfileName, number]>([
    ["zot", 200],
    ["olareg", 200],
    ["distribution", 404],
    ["distribution-3", 404],
  ])("%s: referrers are answered %i", async (like, status) => {
    const { registry, image } = await started({ like });
    await using _ = registry;

    expect((await send(registry.url, "GET", `/v2/${name}/referrers/${image.digest}`)).status).toBe(status);
  });

  it.each<[ProfileName, number, readonly string[]]>([
    ["distribution", 400, ["b", "a", "c"]],
    ["distribution-3", 202, ["a", "b", "c"]],
  ])("%s: DELETE of a tag is answered %i, tags are %j", async (like, status, order) => {
    await using registry = await startRegistry({ like });
    registry.addImage(name, { tags: ["b", "a", "c"] });

    const listed = await send(registry.url, "GET", `/v2/${name}/tags/list`);
    const deleted = await send(registry.url, "DELETE", `/v2/${name}/manifests/a`);

    expect(JSON.parse(listed.body.toString()).tags).toEqual(order);
    expect(deleted.status).toBe(status);
  });

  it.each<[ProfileName, string]>([
    ["distribution", "manifest unknown"],
    ["distribution-3", "manifest unknown: manifest unknown"],
  ])("%s as a cache: an unknown digest is 500 with %s in the detail", async (like, detail) => {
    await using upstream = await startRegistry();
    await using cache = await startRegistry({ like, upstream: upstream.url });

    const answer = await send(cache.url, "GET", `/v2/${name}/manifests/sha256:${"0".repeat(64)}`);

    expect(answer.status).toBe(500);
    expect(JSON.stringify(JSON.parse(answer.body.toString()).errors[0].detail)).toContain(detail);
  });

  it.each<[ProfileName | BehaviourOptions, number]>([
    ["crane", 201],
    ["ocimem", 201],
    ["distribution", 400],
    [{ validatesManifests: false }, 201],
  ])("%j: a manifest without its layers is answered %i", async (like, status) => {
    await using registry = await startRegistry(typeof like === "string" ? { like } : like);
    const layer = { digest: `sha256:${"1".repeat(64)}`, size: 1, mediaType: "application/octet-stream" };

    const answer = await send(registry.url, "PUT", `/v2/${name}/manifests/1`, {
      body: JSON.stringify({ schemaVersion: 2, layers: [layer] }),
    });

    expect(answer.status).toBe(status);
  });

  it("ocimem: 500 for a missing blob", async () => {
    const { registry } = await started({ like: "ocimem" });
    await using _ = registry;

    const answer = await send(registry.url, "GET", `/v2/${name}/blobs/sha256:${"0".repeat(64)}`);

    expect(told(answer)).toEqual([500, "UNKNOWN"]);
  });

  it.each([403, 405, 501] as const)(
    "headManifests: HEAD is answered %i, GET works",
    async (headManifests) => {
      const { registry } = await started({ headManifests });
      await using _ = registry;
      const answers = ["HEAD", "GET"].map((method) => send(registry.url, method, `/v2/${name}/manifests/1`));

      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([headManifests, 200]);
    },
  );

  it.each([
    ["harbor.vulnerable", refusals.harbor.vulnerable, "GET", 412, "PROJECTPOLICYVIOLATION"],
    ["harbor.unsigned", refusals.harbor.unsigned, "GET", 412, "PROJECTPOLICYVIOLATION"],
    ["harbor.quota", refusals.harbor.quota, "PUT", 403, "DENIED"],
    ["artifactory.blocked", refusals.artifactory.blocked, "GET", 403, "DENIED"],
    ["legal.unavailable", refusals.legal.unavailable, "GET", 451, "DENIED"],
  ] as const)("refusals.%s", async (_, fault, method, status, code) => {
    const { registry } = await started({});
    await using __ = registry;
    registry.fault(fault);

    expect(told(await send(registry.url, method, `/v2/${name}/manifests/1`))).toEqual([status, code]);
  });
});
