import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cases } from "../support/cases.ts";
import { fetchRaw } from "../support/client.ts";
import { listen, startRouter } from "../support/router.ts";

// Whatever a proxy answers, a private image at hosted is served right, or refused with a failure that names the proxy.
//
// One kind of wrong answer is left out: a blob with other bytes, of the right length or of none that is told. It streams, so only its
// digest tells, and the client computes that.

const digestOf = (content: string) => `sha256:${createHash("sha256").update(content).digest("hex")}`;
const layer = "the bytes of a private layer";
const manifest = JSON.stringify({
  schemaVersion: 2,
  layers: [{ digest: digestOf(layer), size: layer.length }],
});
const manifestType = "application/vnd.oci.image.manifest.v1+json";

interface Shape {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: "nothing" | "half" | "page" | "other manifest" | "json" | "error" | "right";
  readonly framing: "length" | "chunks" | "gzip" | "wrong length";
  readonly digest: "none" | "right" | "other" | "odd";
  readonly api: boolean;
  readonly challenge: "none" | "Basic" | "Bearer" | "Bearer without realm";
  readonly location: "none" | "itself" | "a page" | "ftp" | "nowhere";
}

const shape: fc.Arbitrary<Shape> = fc.record({
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constant(200) },
    { weight: 5, arbitrary: fc.constantFrom(201, 202, 203, 204, 206, 301, 302, 303, 304, 307, 308) },
    {
      weight: 5,
      arbitrary: fc.constantFrom(400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 416, 418, 429, 451),
    },
    { weight: 2, arbitrary: fc.constantFrom(500, 501, 502, 503, 504, 508, 599) },
  ),
  type: fc.constantFrom(
    undefined,
    "text/html",
    "text/plain",
    "application/json",
    "application/octet-stream",
    manifestType,
  ),
  body: fc.constantFrom("nothing", "half", "page", "other manifest", "json", "error", "right"),
  framing: fc.constantFrom("length", "chunks", "gzip", "wrong length"),
  digest: fc.constantFrom("none", "right", "other", "odd"),
  api: fc.boolean(),
  challenge: fc.constantFrom("none", "Basic", "Bearer", "Bearer without realm"),
  location: fc.constantFrom("none", "itself", "a page", "ftp", "nowhere"),
});

const asks = [
  ["GET", "manifests/1", manifest],
  ["HEAD", "manifests/1", manifest],
  ["GET", `manifests/${digestOf(manifest)}`, manifest],
  ["HEAD", `manifests/${digestOf(manifest)}`, manifest],
  ["GET", `blobs/${digestOf(layer)}`, layer],
  ["HEAD", `blobs/${digestOf(layer)}`, layer],
] as const;

const otherManifest = '{"schemaVersion":2,"layers":[],"annotations":{"is":"public"}}';
const page = "<!doctype html><title>Sign in</title>";

function bodyOf({ body }: Shape, right: string): string {
  switch (body) {
    case "nothing":
      return "";
    case "half":
      return right.slice(0, right.length / 2);
    case "page":
      return page;
    case "other manifest":
      return otherManifest;
    case "json":
      return '{"status":"ok"}';
    case "error":
      return '{"errors":[{"code":"DENIED","message":"blocked by policy"}]}';
    case "right":
      return right;
  }
}

function send(one: Shape, right: string, request: IncomingMessage, response: ServerResponse): void {
  const { framing, digest, challenge, location } = one;
  const text = bodyOf(one, right);
  const body = framing === "gzip" ? gzipSync(text) : Buffer.from(text);
  const headers: Record<string, string | number> = {};
  if (one.type !== undefined) {
    headers["Content-Type"] = one.type;
  }
  if (framing === "gzip") {
    headers["Content-Encoding"] = "gzip";
  }
  if (framing !== "chunks") {
    headers["Content-Length"] = body.length + (framing === "wrong length" ? 3 : 0);
  }
  if (digest !== "none") {
    headers["Docker-Content-Digest"] = { right: digestOf(right), other: digestOf("other"), odd: "x" }[digest];
  }
  if (one.api) {
    headers["Docker-Distribution-Api-Version"] = "registry/2.0";
  }
  if (challenge !== "none") {
    headers["WWW-Authenticate"] = {
      Basic: 'Basic realm="r"',
      Bearer: `Bearer realm="http://${request.headers.host}/token",service="s"`,
      "Bearer without realm": "Bearer",
    }[challenge];
  }
  if (location !== "none") {
    headers.Location = {
      itself: request.url ?? "",
      "a page": "/login",
      ftp: "ftp://files.example/x",
      nowhere: "http://127.0.0.1:9/x",
    }[location];
  }
  response.writeHead(one.status, headers);
  if (framing === "wrong length") {
    response.write(body, () => response.destroy());
    return;
  }
  response.end(request.method === "HEAD" ? undefined : body);
}

/** What only the digest of a streamed blob tells, and redirects of blobs that clients follow by themselves. */
function isForTheClient(
  one: Shape,
  method: string,
  address: string,
  given: { status: number; body: Buffer },
): boolean {
  const isBlob = address.startsWith("blobs/");
  return (
    isBlob &&
    (given.status >= 300 ||
      method === "HEAD" ||
      (one.status === 200 && !(one.body === "nothing" && one.framing === "length")))
  );
}

describe("for every answer that a proxy can give", () => {
  it.each(asks)(
    "%s %s of a private image is served right, or refused with a failure that names the proxy",
    async (method, address, right) => {
      const shapes = new Map<string, { readonly one: Shape; readonly right: string }>();
      const proxy = createServer((request, response) => {
        const [, name = ""] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.url ?? "") ?? [];
        const known = shapes.get(name);
        if (known === undefined) {
          response.writeHead(request.url?.startsWith("/token") ? 200 : 404, { "Content-Type": "text/html" });
          response.end(request.url?.startsWith("/token") ? '{"token":"t"}' : page);
          return;
        }
        send(known.one, known.right, request, response);
      });
      const hosted = createServer((request, response) => {
        const content = request.url?.includes("/blobs/") ? layer : manifest;
        response.writeHead(200, {
          "Content-Type": content === layer ? "application/octet-stream" : manifestType,
          "Content-Length": content.length,
          "Docker-Content-Digest": digestOf(content),
        });
        response.end(request.method === "HEAD" ? undefined : content);
      });
      const [proxyPort, hostedPort] = await Promise.all([listen(proxy), listen(hosted)]);
      await using router = await startRouter({
        hosted: { url: `http://127.0.0.1:${hostedPort}`, breaker: false },
        proxy: {
          name: "hub",
          url: `http://127.0.0.1:${proxyPort}`,
          breaker: false,
          timeouts: { idle: 2_000 },
        },
        rules: [{ match: "**", shadow: "allow" }],
        memory: { entries: 0, manifestBytes: 0, absentTtl: 0 },
      });
      let number = 0;

      await fc.assert(
        fc.asyncProperty(fc.array(shape, { minLength: 20, maxLength: 20 }), async (many) => {
          const tried = many.map((one) => ({ one, name: `private/${number++}` }));
          for (const { one, name } of tried) {
            shapes.set(name, { one, right });
          }
          await Promise.all(
            tried.map(async ({ one, name }) => {
              const given = await fetchRaw(router.url, `/v2/${name}/${address}`, { method }).catch(
                () => undefined,
              );
              if (given === undefined) {
                // A blob that broke off: the client's connection does, too, and nothing looks complete.
                expect([method, address.startsWith("blobs/")]).toEqual(["GET", true]);
                return;
              }
              const because = String(given.headers["x-combined-registry"]);
              const context = JSON.stringify({ one, method, address, status: given.status, because });
              if (isForTheClient(one, method, address, given)) {
                return;
              }
              const isRight =
                given.status === 200 &&
                (method === "HEAD"
                  ? [undefined, digestOf(right)].includes(given.headers["docker-content-digest"] as string)
                  : given.body.toString() === right);
              // A tag means what the first upstream in the order says, if that is a manifest.
              const isTheProxys =
                address === "manifests/1" && because.startsWith("hub; ") && given.status === 200;
              const isManifest =
                method === "HEAD" || [otherManifest, manifest].includes(given.body.toString());
              const isRefused = given.status >= 400 && given.status !== 404 && because.includes("hub failed");
              expect([context, isRight || (isTheProxys && isManifest) || isRefused]).toEqual([context, true]);
              shapes.delete(name);
            }),
          );
        }),
        { numRuns: cases(420) },
      );
      for (const server of [proxy, hosted]) {
        server.closeAllConnections();
        server.close();
      }
    },
    300_000,
  );
});
