import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { CombinedRegistryConfig, HostedConfig, ProxyConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../support/client.ts";
import { digestOf, manifestOf, manifestType } from "../support/push.ts";
import { listen, startRouter } from "../support/router.ts";

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly heard: Heard[];
}

type Script = (heard: Heard, response: ServerResponse, url: string) => void;

/** A registry that answers as it is told. */
async function startScripted(script: Script): Promise<Scripted> {
  const heard: Heard[] = [];
  let url = "";
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", headers } = request;
      const one = { method, url: request.url ?? "", headers, body: Buffer.concat(chunks).toString() };
      heard.push(one);
      script(one, response, url);
    });
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

const apiVersion = { "Docker-Distribution-Api-Version": "registry/2.0" };
const lines = (heard: readonly Heard[]) => heard.map(({ method, url }) => `${method} ${url}`);
const plainRules: Partial<CombinedRegistryConfig> = { rules: [{ match: "**", shadow: "allow" }] };

/** Serves uploads at `session`, with a new state after each request. */
function uploadsAt(session: (state: string, url: string) => string): Script {
  return ({ method, url, body }, response, origin) => {
    const next = (state: string) => ({ ...apiVersion, Location: session(state, origin) });
    if (method === "POST") {
      response.writeHead(202, next("begun")).end();
    } else if (method === "PATCH") {
      response.writeHead(202, { ...next(`patched-${body.length}`), Range: `0-${body.length - 1}` }).end();
    } else if (method === "PUT") {
      const digest = new URL(url, origin).searchParams.get("digest") ?? "none";
      response.writeHead(201, { ...apiVersion, Location: `/artifacts-downloads/x/${digest}` }).end();
    } else if (method === "DELETE") {
      response.writeHead(204, apiVersion).end();
    } else {
      response.writeHead(204, { ...next("asked"), Range: "0-1" }).end();
    }
  };
}

const sealed = /^\/v2\/team\/app\/blobs\/uploads\/~[A-Za-z0-9_.-]+$/;
const content = "a layer";
const digest = digestOf(content);

describe("upload sessions at a path of hosted's own", () => {
  it.each<[string, (state: string, url: string) => string, string, Partial<HostedConfig>?]>([
    [
      "Artifact Registry",
      (state) => `/artifacts-uploads/namespaces/p/repositories/r/uploads/X?state=${state}`,
      "/artifacts-uploads/namespaces/p/repositories/r/uploads/X?state=",
    ],
    [
      "Artifact Registry, absolute",
      (state, url) => `${url}/artifacts-uploads/namespaces/p/repositories/r/uploads/X?state=${state}`,
      "/artifacts-uploads/namespaces/p/repositories/r/uploads/X?state=",
    ],
    ["ghcr.io", (state) => `/v2/team/app/blobs/upload/1.2.${state}?x=`, "/v2/team/app/blobs/upload/1.2."],
    [
      "Artifactory",
      (state, url) => `${url}/artifactory/api/docker/team/v2/app/blobs/uploads/u?_s=${state}`,
      "/artifactory/api/docker/team/v2/app/blobs/uploads/u?_s=",
    ],
    [
      "a name that only hosted knows, and another path",
      (state) => `https://registry.internal/artifacts-uploads/u?state=${state}`,
      "/artifacts-uploads/u?state=",
      { aliases: ["https://registry.internal"] },
    ],
    [
      "hosted's own host with another scheme",
      (state, url) => `${url.replace("http:", "https:")}/artifacts-uploads/u?state=${state}`,
      "/artifacts-uploads/u?state=",
    ],
    ["a relative path", (state) => `/_uploads/${state}`, "/_uploads/"],
    [
      "a user of the router's own at hosted",
      (state) => `/anything/${state}`,
      "/anything/",
      { auth: { username: "router", password: "secret" } },
    ],
  ])("%s: are found again by any replica", async (_name, session, start, options = {}) => {
    await using hosted = await startScripted(uploadsAt(session));
    await using proxy = await startRegistry();
    const config = { hosted: { url: hosted.url, ...options }, proxy: proxy.url, ...plainRules };
    await using first = await startRouter(config);
    await using second = await startRouter(config);
    await using third = await startRouter(config);

    const begun = await fetchRaw(first.url, "/v2/team/app/blobs/uploads/", { method: "POST" });
    const patched = await fetchRaw(second.url, begun.headers.location ?? "", {
      method: "PATCH",
      body: content,
    });
    const state = await fetchRaw(first.url, patched.headers.location ?? "");
    const put = await fetchRaw(third.url, `${state.headers.location}?digest=${digest}`, { method: "PUT" });
    const ended = await fetchRaw(third.url, begun.headers.location ?? "", { method: "DELETE" });

    expect([begun, patched, state, put, ended].map(({ status }) => status)).toEqual([
      202, 202, 204, 201, 204,
    ]);
    for (const { headers } of [begun, patched, state]) {
      expect(headers.location).toMatch(sealed);
    }
    expect(put.headers.location).toBe(`/v2/team/app/blobs/${digest}`);
    const [, patch, get, last, cancel] = lines(hosted.heard.filter(({ url }) => url !== "/v2/"));
    expect(patch?.startsWith(`PATCH ${start}begun`)).toBe(true);
    expect(get?.startsWith(`GET ${start}patched-7`)).toBe(true);
    expect(last).toMatch(/^PUT .*asked(\?x=)?.*[?&]digest=sha256/);
    expect(cancel?.startsWith(`DELETE ${start}begun`)).toBe(true);
    expect(hosted.heard.find(({ method }) => method === "PATCH")?.body).toBe(content);
    expect(proxy.requests).toEqual([]);
  });

  it.each([
    ["/v2/team/app/blobs/uploads/u?_state=x%3D", "/v2/team/app/blobs/uploads/u?_state=x%3D"],
    [
      "https://registry.internal/v2/team/app/blobs/uploads/u?_state=x",
      "/v2/team/app/blobs/uploads/u?_state=x",
    ],
    ["https://registry.internal:8443/v2/team/app/blobs/uploads/u", "/v2/team/app/blobs/uploads/u"],
    ["https://storage.example/bucket/u?sig=1", "https://storage.example/bucket/u?sig=1"],
    [
      "https://registry.internal/v2/team/other/blobs/uploads/u",
      "https://registry.internal/v2/team/other/blobs/uploads/u",
    ],
  ])("%s is %s to clients", async (given, expected) => {
    await using hosted = await startScripted(uploadsAt(() => given));
    await using router = await startRouter({ hosted: hosted.url, proxy: hosted.url, ...plainRules });

    const begun = await fetchRaw(router.url, "/v2/team/app/blobs/uploads/", { method: "POST" });

    expect([begun.status, begun.headers.location]).toEqual([202, expected]);
  });

  it.each([
    ["/v2/other/app/blobs/uploads/u", "not one of uploads in this repository"],
    ["/v2/team/app/sub/blobs/uploads/u", "not one of uploads in this repository"],
    ["/v2/team/app/manifests/1", "not one of uploads in this repository"],
    ["/v2/team/app/blobs/uploads/%2e%2e%2f%2e%2e%2fother", "not one of uploads in this repository"],
    [`/_uploads/${"x".repeat(9000)}`, "more than 8192 characters"],
  ])("%s is a failure that says so", async (given, words) => {
    await using hosted = await startScripted(uploadsAt(() => given));
    await using router = await startRouter({ hosted: hosted.url, proxy: hosted.url, ...plainRules });

    const begun = await fetchRaw(router.url, "/v2/team/app/blobs/uploads/", { method: "POST" });

    expect([begun.status, begun.headers.location]).toEqual([502, undefined]);
    expect(errorOf(begun).message).toContain(words);
  });

  it("keep the parameters that hosted gave, and take what a client adds", async () => {
    await using hosted = await startScripted(uploadsAt((state) => `/_uploads/u?state=${state}&a=%2F`));
    await using router = await startRouter({ hosted: hosted.url, proxy: hosted.url, ...plainRules });
    const begun = await fetchRaw(router.url, "/v2/team/app/blobs/uploads/", { method: "POST" });

    await fetchRaw(router.url, `${begun.headers.location}?state=mine&digest=${digest}&st%61te=x`, {
      method: "PUT",
    });

    expect(lines(hosted.heard).at(-1)).toBe(`PUT /_uploads/u?state=begun&a=%2F&digest=${digest}`);
  });

  it("are for those who may push to the repository", async () => {
    await using hosted = await startScripted(uploadsAt((state) => `/_uploads/X?state=${state}`));
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: hosted.url,
      ...plainRules,
      authorize: ({ headers }, { repository }) =>
        headers.authorization === "Basic b" || repository === "team/a" ? "allow" : "deny",
    });
    const asB = { headers: { Authorization: "Basic b" } };
    const begun = await fetchRaw(router.url, "/v2/team/b/blobs/uploads/", { method: "POST", ...asB });
    const theirs = begun.headers.location ?? "";
    const asA = (target: string) => fetchRaw(router.url, target, { method: "PUT" });

    const answers = [
      await asA(theirs),
      await asA(theirs.replace("/team/b/", "/team/a/")),
      await asA(theirs.replace("/team/b/", "/team/a/../b/")),
      await asA(theirs.replace("/team/b/", "/team%2Fb/")),
      await asA(theirs.replace("/team/b/", "/team/a/blobs/uploads/../../../b/")),
    ];

    expect(answers.map(({ status }) => status)).toEqual([403, 404, 400, 400, 400]);
    expect(lines(hosted.heard)).toEqual(["POST /v2/team/b/blobs/uploads/"]);
  });

  it("lead nobody to another repository or path, however they are written", async () => {
    await using hosted = await startScripted(
      uploadsAt((state) => `/artifacts-uploads/namespaces/p/uploads/X?state=${state}`),
    );
    await using router = await startRouter({ hosted: hosted.url, proxy: hosted.url, ...plainRules });
    const begun = await fetchRaw(router.url, "/v2/team/b/blobs/uploads/", { method: "POST" });
    const session = begun.headers.location?.split("/").at(-1) ?? "";
    const [address = "", signature = ""] = session.slice(1).split(".");
    const encode = (path: string) => Buffer.from(path).toString("base64url");
    const paths = [
      "/v2/team/b/blobs/uploads/1",
      "/v2/team/b/manifests/1",
      "/v2/team/a/manifests/1",
      "/v2/../v2/team/b/blobs/uploads/1",
      "//evil.example/uploads/1",
      "http://evil.example/uploads/1",
      "/artifacts-uploads/../v2/team/b/manifests/1",
      "/artifacts-uploads/%2e%2e/v2/team/b/blobs/uploads/1",
      "/v2/team%2Fb/blobs/uploads/1",
      "/api/users",
    ];
    const forged = [
      session,
      ...paths.flatMap((path) => [encode(path), `${encode(path)}.${signature}`]),
      address,
      `${address}.`,
      `${address}.${signature.slice(1)}`,
      `${address}.${"A".repeat(22)}`,
      `${encode("/artifacts-uploads/namespaces/p/uploads/Y")}.${signature}`,
      "",
      "~",
      ".",
    ].map((value) => (value.startsWith("~") ? value : `~${value}`));
    const before = hosted.heard.length;

    const answers: Received[] = [];
    for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
      for (const value of [...forged, ...forged.map((one) => one.replace("~", "%7E"))]) {
        answers.push(
          await fetchRaw(router.url, `/v2/team/a/blobs/uploads/${value}?digest=${digest}`, { method }),
        );
      }
    }
    const long = await fetchRaw(router.url, `/v2/team/a/blobs/uploads/~${"a".repeat(9000)}`, {
      method: "PUT",
    });

    expect([...new Set(answers.map(({ status }) => status))]).toEqual([404]);
    expect(errorOf(answers[0] ?? begun)).toMatchObject({ code: "BLOB_UPLOAD_UNKNOWN" });
    expect([long.status, errorOf(long).message]).toEqual([404, expect.stringContaining("more than 8192")]);
    expect(lines(hosted.heard.slice(before))).toEqual([]);
  });
});

describe("redirects", () => {
  const layer = "0123456789";
  const layerDigest = digestOf(layer);
  const blobPath = `/v2/team/app/blobs/${layerDigest}`;

  /** Sends bytes, or a part of them. */
  function sendLayer({ method, headers }: Heard, response: ServerResponse): void {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
    const from = Number(first ?? 0);
    const bytes = layer.slice(from, last ? Number(last) + 1 : undefined);
    response.writeHead(first === undefined ? 200 : 206, {
      "Content-Type": "application/octet-stream",
      "Content-Length": bytes.length,
      ...(first !== undefined && {
        "Content-Range": `bytes ${from}-${from + bytes.length - 1}/${layer.length}`,
      }),
    });
    response.end(method === "HEAD" ? undefined : bytes);
  }

  const redirecting =
    (status: number, location: (url: string) => string, elsewhere: Script = sendLayer): Script =>
    (heard, response, url) => {
      if (heard.url.startsWith("/v2/") && !heard.url.includes("again")) {
        response.writeHead(status, { ...apiVersion, Location: location(url) }).end();
      } else {
        elsewhere(heard, response, url);
      }
    };

  describe.each([302, 307, 301, 303, 308])("%i of a layer to the upstream itself", (status) => {
    it.each<[string, (url: string) => string, Partial<ProxyConfig>?]>([
      ["a path", () => "/artifacts-downloads/x?token=1"],
      ["an absolute path", (url) => `${url}/artifactory/x`],
      ["another scheme", (url) => `${url.replace("http:", "https:")}/artifactory/x`],
      ["an alias", () => "https://registry.internal/x", { aliases: ["https://registry.internal"] }],
      ["the same repository", () => `${blobPath}?again`],
    ])("%s: is followed by the router", async (_name, location, options = {}) => {
      await using proxy = await startScripted(redirecting(status, location));
      await using hosted = await startRegistry();
      await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, ...options } });

      const get = await fetchRaw(router.url, blobPath);
      const head = await fetchRaw(router.url, blobPath, { method: "HEAD" });
      const part = await fetchRaw(router.url, blobPath, { headers: { Range: "bytes=3-5" } });

      expect([get.status, get.body.toString()]).toEqual([200, layer]);
      expect([head.status, head.headers["content-length"]]).toEqual([200, "10"]);
      expect([part.status, part.body.toString()]).toEqual([206, "345"]);
      expect(get.headers["x-combined-registry"]).toBe("proxy; found");
    });
  });

  it("carry credentials to the upstream's own origin only if it refuses without", async () => {
    const guarded: Script = (heard, response, url) => {
      if (heard.url.startsWith("/closed") && heard.headers.authorization === undefined) {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      } else {
        sendLayer(heard, response);
      }
      void url;
    };
    for (const [place, expected] of [
      ["/open/x", [undefined]],
      ["/closed/x", [undefined, "Basic dTpw"]],
    ] as const) {
      await using proxy = await startScripted(redirecting(307, () => place, guarded));
      await using hosted = await startRegistry();
      const auth = { username: "u", password: "p" };
      await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth } });

      const answer = await fetchRaw(router.url, blobPath);

      expect(answer.body.toString()).toBe(layer);
      const there = proxy.heard.filter(({ url }) => url === place);
      expect(there.map(({ headers }) => headers.authorization)).toEqual(expected);
    }
  });

  const web: Script = (_heard, response) =>
    response.writeHead(200, { "Content-Type": "text/html" }).end("<html>Sign in</html>");

  it.each([
    ["a file", () => "file:///etc/passwd", "not http(s)"],
    ["ftp", () => "ftp://storage.example/x", "not http(s)"],
    ["itself, again and again", (url: string) => `${url}${blobPath}`, "more than 5 redirects"],
    ["a page of its own", () => "/login", "web page"],
  ])("of a layer to %s are a failure, and hosted is asked", async (_name, location, words) => {
    await using proxy = await startScripted(redirecting(307, location, web));
    await using hosted = await startRegistry();
    hosted.addBlob("team/app", layer);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, blobPath);

    expect([answer.status, answer.body.toString()]).toEqual([200, layer]);
    expect(answer.headers["x-combined-registry"]).toContain(words);
  });

  const anyManifest = '{"layers":[]}';
  const manifestDigest = digestOf(anyManifest);

  it.each(["manifests/1", `manifests/${manifestDigest}`, `blobs/${manifestDigest}`])(
    "of what is no registry to a login page on another host do not hide hosted's: %s",
    async (path) => {
      await using login = await startScripted(web);
      await using portal = await startScripted((_heard, response) =>
        response.writeHead(302, { Location: `${login.url}/login` }).end(),
      );
      await using hosted = await startScripted((_heard, response) =>
        response
          .writeHead(200, {
            ...apiVersion,
            "Content-Type": manifestType,
            "Content-Length": anyManifest.length,
          })
          .end(anyManifest),
      );
      await using router = await startRouter({ hosted: hosted.url, proxy: portal.url, ...plainRules });

      const answer = await fetchRaw(router.url, `/v2/team/app/${path}`);

      expect([answer.status, answer.body.toString()]).toEqual([200, anyManifest]);
      expect(answer.headers["x-combined-registry"]).toContain("redirected to a web page");
    },
  );

  it("of a registry's layer to another host pass", async () => {
    await using proxy = await startScripted(redirecting(307, () => "https://storage.example/x?sig=1"));
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const answer = await fetchRaw(router.url, blobPath);

    expect([answer.status, answer.headers.location]).toEqual([307, "https://storage.example/x?sig=1"]);
  });

  const manifest = manifestOf({ digest: layerDigest, size: 10 });

  it.each([
    ["GET", "1"],
    ["HEAD", "1"],
    ["GET", digestOf(manifest)],
    ["HEAD", digestOf(manifest)],
  ])(
    "of a manifest are followed to another registry, with a token of its own: %s %s",
    async (method, reference) => {
      await using other = await startScripted(({ url, headers }, response, origin) => {
        if (url.startsWith("/token")) {
          response
            .writeHead(200)
            .end(JSON.stringify({ token: new URL(url, origin).searchParams.get("scope") }));
        } else if (headers.authorization !== "Bearer repository:k8s/pause:pull") {
          const challenge = `Bearer realm="${origin}/token",service="other",scope="repository:k8s/pause:pull"`;
          response.writeHead(401, { "WWW-Authenticate": challenge }).end();
        } else if (url.endsWith("/none")) {
          response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
        } else {
          response.writeHead(200, {
            "Content-Type": manifestType,
            "Content-Length": manifest.length,
            "Docker-Content-Digest": digestOf(manifest),
          });
          response.end(method === "HEAD" ? undefined : manifest);
        }
      });
      await using k8s = await startScripted(({ url }, response) =>
        response.writeHead(307, { Location: `${other.url}/v2/k8s/${url.slice("/v2/".length)}` }).end(),
      );
      await using hosted = await startRegistry();
      const auth = { username: "u", password: "p" };
      await using router = await startRouter({
        hosted: hosted.url,
        proxy: { url: k8s.url, auth },
        ...plainRules,
      });

      const answer = await fetchRaw(router.url, `/v2/pause/manifests/${reference}`, { method });
      const none = await fetchRaw(router.url, "/v2/pause/manifests/none");

      expect([answer.status, answer.body.toString()]).toEqual([200, method === "HEAD" ? "" : manifest]);
      expect(answer.headers["docker-content-digest"]).toBe(digestOf(manifest));
      expect(answer.headers["x-combined-registry"]).toMatch(/^proxy; found/);
      expect(none.status).toBe(404);
      expect(other.heard.filter(({ headers }) => headers.authorization?.startsWith("Basic"))).toEqual([]);
    },
  );
});

describe("the router's own copies", () => {
  const layer = "x".repeat(25);
  const layerDigest = digestOf(layer);
  const manifest = manifestOf({ digest: layerDigest, size: layer.length });

  /** Has no manifest until the layer is there. */
  function hostedThat(
    session: string,
    headers: Record<string, string>,
    statuses: Record<string, number>,
  ): Script {
    const received: string[] = [];
    return ({ method, url, body }, response) => {
      const there = received.join("") === layer;
      if (url.includes("/manifests/")) {
        response.writeHead(there ? 201 : 400, apiVersion);
        response.end(there ? "" : '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}');
      } else if (method === "HEAD") {
        response.writeHead(there ? 200 : 404, apiVersion).end();
      } else {
        received.push(body);
        response
          .writeHead(statuses[method] ?? 202, { ...headers, Location: `${session}${received.length}` })
          .end();
      }
    };
  }

  it.each<[string, string, Record<string, string>, Record<string, number>, string[]]>([
    ["Artifact Registry", "/artifacts-uploads/u?state=", {}, { PUT: 201 }, ["POST", "PUT 25"]],
    ["ghcr.io", "/v2/a/blobs/upload/", {}, { PUT: 201 }, ["POST", "PUT 25"]],
    ["another name", "https://registry.internal/v2/a/blobs/uploads/", {}, { PUT: 201 }, ["POST", "PUT 25"]],
    ["other successes", "/v2/a/blobs/uploads/", {}, { POST: 200, PUT: 204 }, ["POST", "PUT 25"]],
    ["202 for all", "/v2/a/blobs/uploads/", {}, {}, ["POST", "PUT 25"]],
    [
      "the longest chunk",
      "/v2/a/blobs/uploads/",
      { "OCI-Chunk-Max-Length": "10" },
      { PATCH: 204, PUT: 200 },
      ["POST", "PATCH 10 0-9", "PATCH 10 10-19", "PUT 5 20-24"],
    ],
    [
      "the shortest chunk, which one piece is not",
      "/v2/a/blobs/uploads/",
      { "OCI-Chunk-Min-Length": "100" },
      {},
      ["POST", "PUT 25"],
    ],
  ])("arrive at %s", async (_name, session, headers, statuses, expected) => {
    await using hosted = await startScripted(hostedThat(session, headers, statuses));
    await using proxy = await startRegistry();
    proxy.addBlob("a", layer);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, ...plainRules });

    const put = await fetchRaw(router.url, "/v2/a/manifests/1", {
      method: "PUT",
      headers: { "Content-Type": manifestType },
      body: manifest,
    });

    expect([put.status, put.body.toString()]).toEqual([201, ""]);
    const steps = hosted.heard.filter(({ url, method }) => !url.includes("/manifests/") && method !== "HEAD");
    expect(
      steps.map(({ method, body, headers: sent }) =>
        [method, body.length || "", sent["content-range"]].filter((part) => part).join(" "),
      ),
    ).toEqual(expected);
    const addresses = steps.slice(1).map(({ url }) => url.replace(/[?&]digest=.*/, ""));
    expect(addresses).toEqual(
      addresses.map((_, index) => `${session.replace("https://registry.internal", "")}${index + 1}`),
    );
  });

  it("name the limit that they cannot keep", async () => {
    const limits = { "OCI-Chunk-Min-Length": "20", "OCI-Chunk-Max-Length": "10" };
    await using hosted = await startScripted(hostedThat("/v2/a/blobs/uploads/", limits, {}));
    await using proxy = await startRegistry();
    proxy.addBlob("a", layer);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, ...plainRules });

    const put = await fetchRaw(router.url, "/v2/a/manifests/1", {
      method: "PUT",
      headers: { "Content-Type": manifestType },
      body: manifest,
    });

    expect(put.status).toBe(502);
    expect(put.body.toString()).toContain("OCI-Chunk-Min-Length is 20, OCI-Chunk-Max-Length 10");
  });
});
