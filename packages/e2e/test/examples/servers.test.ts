import type { OutgoingHttpHeaders } from "node:http";
import { until, within } from "@combined-registry/deadline";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { skopeoClient } from "../../src/clients.ts";
import { type ExampleServer, installExample, startExample } from "../../src/example.ts";
import { request } from "../../src/http.ts";
import { acceptManifests, image } from "../../src/images.ts";
import { describeE2E } from "../../src/programs.ts";
import { Resources } from "../../src/resources.ts";
import { seed, seedBlob } from "../../src/seed.ts";
import { openWebSocket } from "../../src/web-socket.ts";

interface Expected {
  readonly name: string;
  /** Of a user who may do everything, where there are users. */
  readonly user?: string;
  /** The application's own page, and what it says. */
  readonly page: readonly [path: string, text: string];
  /** Where it answers with what it was sent, read by a body parser. */
  readonly echo?: string;
  /** A request for which its own error handler answers: with this status and text. */
  readonly error?: readonly [method: string, path: string, status: number, text: string];
  /** Where it takes WebSockets. */
  readonly socket?: string;
  /** What its own access log says of a pull. */
  readonly log?: RegExp;
}

const examples: readonly Expected[] = [
  { name: "node-http", page: ["/", "Hello from the application"], socket: "/events" },
  {
    name: "express",
    user: "alice:wonderland",
    page: ["/healthcheck", '"application":"fine"'],
    error: ["POST", "/login", 400, "JSON"],
  },
  {
    name: "koa",
    page: ["/nowhere", "Not Found"],
    echo: "/echo",
    error: ["GET", "/boom", 409, "own trouble"],
    log: /^GET \/v2\/library\/hello\/manifests\/1\.0 200 \d+ ms$/,
  },
  {
    name: "fastify",
    page: ["/", '"application":"fine"'],
    echo: "/echo",
    error: ["POST", "/echo", 400, "FST_ERR_CTP_INVALID_JSON_BODY"],
    socket: "/events",
    log: /"path":"\/v2\/library\/hello\/manifests\/1\.0".*"status":200,"complete":true/,
  },
  {
    name: "hono",
    page: ["/", '"application":"fine"'],
    echo: "/echo",
    error: ["POST", "/echo", 400, "JSON"],
    log: /--> .*GET.* \/v2\/library\/hello\/manifests\/1\.0/,
  },
  {
    name: "nestjs",
    page: ["/", '"application":"fine"'],
    echo: "/echo",
    error: ["POST", "/echo", 400, "JSON"],
  },
];

const json = { "Content-Type": "application/json" };

jest.setTimeout(60_000);

describe.each(examples)("examples/$name, installed from what is published", (expected) => {
  const { name, user, page, echo, error, socket, log } = expected;
  const resources = new Resources();
  let folder: string;
  let cache: TestRegistry;
  let hosted: TestRegistry;
  let server: ExampleServer;

  const headers: OutgoingHttpHeaders =
    user === undefined ? {} : { Authorization: `Basic ${Buffer.from(user).toString("base64")}` };
  const start = async () =>
    resources.use(await startExample(folder, { HOSTED: hosted.url, PROXY: cache.url }));

  beforeAll(async () => {
    folder = await installExample(name, resources);
    cache = resources.use(await startRegistry());
    hosted = resources.use(await startRegistry());
    cache.addImage("library/hello", { tag: "1.0", platforms: ["linux/amd64", "linux/arm64"] });
    server = await start();
  }, 240_000);
  afterAll(() => resources[Symbol.asyncDispose]());

  it("serves images from both sides, and takes pushes", async () => {
    const made = await image(`pushed through ${name}`, ["linux/amd64", "linux/arm64"]);

    const pulled = await request(server.origin, "GET", "/v2/library/hello/manifests/1.0", { headers });
    await seed(server.origin, "team/app", "1.0", made, headers);
    const back = await request(server.origin, "GET", "/v2/team/app/manifests/1.0", {
      headers: { ...headers, Accept: acceptManifests },
    });

    expect(pulled.body).toEqual(cache.manifest("library/hello", "1.0"));
    expect(back.body).toEqual(made.manifest.bytes);
    expect(hosted.manifest("team/app", "1.0")).toEqual(made.manifest.bytes);
    if (log !== undefined) {
      await server.printed(log);
    }
  });

  it("streams layers larger than any body parser would take", async () => {
    const layer = hosted.addGeneratedBlob("team/large", { size: 5_000_000, seed: 1 });

    const down = await request(server.origin, "GET", `/v2/team/large/blobs/${layer.digest}`, { headers });
    await seedBlob(server.origin, "team/copy", { digest: layer.digest, bytes: down.body }, headers);

    expect([down.status, down.body.length]).toEqual([200, 5_000_000]);
    expect(hosted.hasBlob("team/copy", layer.digest)).toBe(true);
  });

  it("leaves the application its routes, bodies, errors and upgrades", async () => {
    const own = await request(server.origin, "GET", page[0]);
    expect(own.body.toString()).toContain(page[1]);

    if (echo !== undefined) {
      const said = await request(server.origin, "POST", echo, { headers: json, body: '{"a":1}' });
      expect(said.body.toString()).toBe('{"a":1}');
    }
    if (error !== undefined) {
      const [method, path, status, text] = error;
      const broken = method === "POST" ? { headers: json, body: "{" } : {};
      const wrong = await request(server.origin, method, path, broken);
      expect([wrong.status, wrong.body.toString()]).toEqual([status, expect.stringContaining(text)]);
    }
    if (socket !== undefined) {
      using client = await openWebSocket(server.origin, socket);
      expect(client.message).toBe("hello");
    }
  });

  it("ends when it is told to, after the push that is under way", async () => {
    const slow = hosted.fault({ method: "PUT", path: /manifests/, delay: 500, times: 1 });
    const made = await image(`pushed while ${name} ends`);
    const ending = await start();
    using client = socket === undefined ? undefined : await openWebSocket(ending.origin, socket);

    const pushed = seed(ending.origin, "team/last", "1.0", made, headers);
    await until("the manifest to reach hosted", 20_000, () => slow.hits > 0);
    const code = await ending.terminate();
    await pushed;
    await within("a goodbye", 10_000, client?.dismissed ?? Promise.resolve());

    expect(code).toBe(0);
    expect(hosted.tags("team/last")).toEqual(["1.0"]);
  });

  describeE2E(`skopeo through examples/${name}`, ["skopeo"], () => {
    it("pulls and pushes", async () => {
      const skopeo = skopeoClient(await resources.folder());
      if (user !== undefined) {
        const [username = "", password = ""] = user.split(":");
        await skopeo("login", "--tls-verify=false", "-u", username, "-p", password, server.host);
      }

      const at = `docker://${server.host}`;
      const tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      await skopeo("copy", "--all", ...tls, `${at}/library/hello:1.0`, `${at}/team/hello:1.0`);

      expect(hosted.manifest("team/hello", "1.0")).toEqual(cache.manifest("library/hello", "1.0"));
    });
  });
});
