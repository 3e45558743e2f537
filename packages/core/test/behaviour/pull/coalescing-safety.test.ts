import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { UpstreamConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it, test } from "@jest/globals";
import { failover } from "../../../src/pull/failover.ts";
import type { ManifestOutcome } from "../../../src/pull/manifest.ts";
import { describeAttempt } from "../../../src/routing/classify.ts";
import { lasting, stateOf } from "../../support/breaker.ts";
import { candidate } from "../../support/candidate.ts";
import { type Ask, fetchRaw, type Received } from "../../support/client.ts";
import { digestOf, manifestType, putManifest } from "../../support/push.ts";
import { listen, startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

// Ways in which what one client is told could become what another one is told.

const quiet = { rules: [{ match: "**", shadow: "allow" as const }] };
const tag = "/v2/library/tool/manifests/1.0";

const manifestOf = (text: unknown) => JSON.stringify({ schemaVersion: 2, text });

type Reply = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry that answers as it is told, maybe later. */
async function startScripted(reply: Reply) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    reply(request, response);
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A router with a scripted proxy, and hosted that has nothing. */
async function startWith(reply: Reply, upstream: Partial<UpstreamConfig> = {}) {
  const proxy = await startScripted(reply);
  const hosted = await startRegistry();
  let admitted = 0;
  const authorize = () => {
    admitted += 1;
    return "allow" as const;
  };
  const router = await startRouter({
    hosted: hosted.url,
    proxy: { url: proxy.url, ...upstream },
    authorize,
    ...quiet,
  });
  return {
    proxy,
    hosted,
    router,
    /** Sends requests, and waits until all of them have got as far as to ask, or to wait with those who do. */
    async inRouter(count: number, ask: Ask): Promise<readonly Promise<Received>[]> {
      const before = admitted;
      const sent = Array.from({ length: count }, () => fetchRaw(router.url, tag, ask));
      await until(20_000, `${count} requests in the router`, () => admitted === before + count);
      return sent;
    },
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await hosted.close();
    },
  };
}

/** What answers wait for. */
function newGate() {
  const gate = new EventEmitter();
  return { opened: once(gate, "open"), open: () => void gate.emit("open") };
}

const by = (agent: string) => ({ headers: { "User-Agent": agent, Accept: manifestType } });

function manifest(response: ServerResponse, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(200, {
    "Content-Type": manifestType,
    "Content-Length": text.length,
    "Docker-Content-Digest": digestOf(text),
    ...headers,
  });
  response.end(text);
}

function refuse(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "Content-Length": body.length }).end(body);
}

describe("an error for one client from a gateway in front of a registry", () => {
  // A firewall that knows a scanner by its name, or a server that finds a header too long.
  const firewall =
    (status: number): Reply =>
    ({ headers }, response) =>
      headers["user-agent"] === "scanner"
        ? refuse(response, status, "<h1>no</h1>")
        : manifest(response, manifestOf("the manifest"));

  it.each([400, 403])("is not cached as not found (%d)", async (status) => {
    await using sides = await startWith(firewall(status));
    const { router } = sides;

    const refused = await fetchRaw(router.url, tag, by("scanner"));
    const other = await fetchRaw(router.url, tag, by("docker"));

    expect([refused.status, other.status]).toEqual([404, 200]);
  });

  it.each([400, 403, 431])("is not given to those who ask at the same time (%d)", async (status) => {
    const gate = newGate();
    const answer = firewall(status);
    await using sides = await startWith((request, response) => {
      void gate.opened.then(() => answer(request, response));
    });
    const { router } = sides;
    const scanners = await sides.inRouter(2, by("scanner"));
    const others = await sides.inRouter(3, by("docker"));
    gate.open();

    const statusOf = async (sent: readonly Promise<Received>[]) =>
      (await within(5_000, "all answers", Promise.all(sent))).map((one) => one.status);

    expect(await statusOf(others)).toEqual([200, 200, 200]);
    expect(await statusOf(scanners)).not.toContain(200);
    expect((await fetchRaw(router.url, tag, by("docker"))).status).toBe(200);
  });

  it("is cached where the registry itself denies the manifest", async () => {
    const body = JSON.stringify({
      errors: [{ code: "DENIED", message: "requested access to the resource is denied" }],
    });
    await using sides = await startWith((_, response) => refuse(response, 403, body));
    const { proxy, router } = sides;

    await fetchRaw(router.url, tag);
    await fetchRaw(router.url, tag);

    expect(proxy.asked).toHaveLength(1);
  });
});

describe("an error response that forbids caching", () => {
  it.each([
    ["Cache-Control", "no-store"],
    ["Cache-Control", "private"],
    ["Set-Cookie", "a=b"],
    ["Vary", "Authorization"],
  ])("is not cached as not found (%s: %s)", async (name, value) => {
    await using sides = await startWith((_, response) => {
      response.writeHead(404, { [name]: value, "Content-Length": 0 }).end();
    });
    const { proxy, router } = sides;

    await fetchRaw(router.url, tag);
    await fetchRaw(router.url, tag);

    expect(proxy.asked).toHaveLength(2);
  });
});

describe("a response that varies by a header which differs between two clients", () => {
  it("is requested for each of them", async () => {
    const gate = newGate();
    await using sides = await startWith((request, response) => {
      const text = manifestOf(request.headers["user-agent"]);
      void gate.opened.then(() => manifest(response, text, { Vary: "Accept, User-Agent" }));
    });
    const sent = [...(await sides.inRouter(1, by("old"))), ...(await sides.inRouter(1, by("new")))];
    gate.open();

    const answers = await within(5_000, "both answers", Promise.all(sent));

    expect(answers.map(({ body }) => body.toString())).toEqual([manifestOf("old"), manifestOf("new")]);
  });

  it("is not cached as not found", async () => {
    await using sides = await startWith(({ headers }, response) => {
      response.setHeader("Vary", "User-Agent");
      if (headers["user-agent"] === "old") {
        refuse(response, 404, "");
      } else {
        manifest(response, manifestOf("the manifest"));
      }
    });
    const { router } = sides;

    const statuses = [await fetchRaw(router.url, tag, by("old")), await fetchRaw(router.url, tag, by("new"))];

    expect(statuses.map(({ status }) => status)).toEqual([404, 200]);
  });
});

describe("a manifest with a Warning header", () => {
  it("is requested again, so that the next client gets the current warning", async () => {
    let warnings = 0;
    const text = JSON.stringify({ schemaVersion: 2 });
    await using sides = await startWith((_, response) => {
      warnings += 1;
      manifest(response, text, { Warning: `299 - "deprecated ${warnings}"` });
    });
    const path = `/v2/library/tool/manifests/${digestOf(text)}`;

    const answers = [
      await fetchRaw(sides.router.url, path, by("a")),
      await fetchRaw(sides.router.url, path, by("b")),
    ];

    expect(answers.map(({ headers }) => headers.warning)).toEqual([
      '299 - "deprecated 1"',
      '299 - "deprecated 2"',
    ]);
  });
});

describe("a manifest that arrives slowly", () => {
  it("is not timed out while bytes keep arriving", async () => {
    const text = '{"layers":[]}';
    await using sides = await startWith(
      (_, response) => {
        response.writeHead(200, { "Content-Length": text.length });
        let sent = 0;
        const next = () => {
          response.write(text.charAt(sent));
          sent += 1;
          if (sent === text.length) {
            response.end();
          } else {
            setTimeout(next, 60);
          }
        };
        next();
      },
      { timeouts: { idle: 400 } },
    );

    expect((await fetchRaw(sides.router.url, tag)).body.toString()).toBe(text);
  });
});

describe("a manifest that is pushed again with another Content-Type", () => {
  it("is served with the latest one, not with the cached one", async () => {
    const body = JSON.stringify({ schemaVersion: 2 });
    const types = [manifestType, "application/vnd.docker.distribution.manifest.v2+json"] as const;
    await using sides = await startWith((_, response) => refuse(response, 404, ""));
    const { router } = sides;
    const path = `/v2/team/app/manifests/${digestOf(body)}`;
    const accept = { headers: { Accept: types.join(", ") } };

    for (const reference of ["1.0", digestOf(body)]) {
      for (const type of types) {
        await putManifest(router, "team/app", reference, body, type);
        expect((await fetchRaw(router.url, path, accept)).headers["content-type"]).toBe(type);
        expect((await fetchRaw(router.url, path, accept)).headers["content-type"]).toBe(type);
      }
    }
  });
});

describe("an upstream whose manifests break off", () => {
  it("counts as failing, and opens its breaker after as many failures as one that does not answer", async () => {
    await using sides = await startWith((_, response) => {
      response.writeHead(200, { "Content-Length": 1_000 });
      response.write("{", () => response.destroy());
    }, lasting);
    const { proxy, router } = sides;

    for (const name of ["a", "b", "c", "d"]) {
      await fetchRaw(router.url, `/v2/library/${name}/manifests/1.0`);
    }

    const { body } = await fetchRaw(router.url, "/metrics");
    expect(body.toString()).toContain('upstream_requests_total{upstream="proxy",outcome="failed"} 3');
    expect(body.toString()).not.toContain('upstream="proxy",outcome="found"');
    expect([proxy.asked.length, await stateOf(router)]).toEqual([3, "open"]);
  });

  it("does not count as failing when its clients leave", async () => {
    await using sides = await startWith((_, response) => {
      response.writeHead(200, { "Content-Length": 1_000 }).write("{");
    }, lasting);
    const { proxy, router } = sides;

    for (const count of [1, 2, 3]) {
      const client = connect(router.port, "127.0.0.1");
      client.write(`GET ${tag} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await until(5_000, `request ${count} at the proxy`, () => proxy.asked.length === count);
      const given = proxy.asked[count - 1]?.socket;
      client.destroy();
      await until(5_000, `request ${count} to be given up`, () => given?.destroyed === true);
    }

    const { body } = await fetchRaw(router.url, "/metrics");
    expect(body.toString()).not.toContain('upstream="proxy",outcome="failed"');
    expect(await stateOf(router)).toBe("closed");
  }, 30_000);
});

test("an upstream whose breaker was open counts as asked when the negative cache has its tag by then", async () => {
  const proxy = candidate("proxy", "proxy");
  const outcomes: ManifestOutcome[] = [
    { outcome: "failed", failure: { kind: "circuit-open", cause: "circuit open" } },
    { outcome: "known absent" },
  ];

  const end = await failover({
    order: [proxy],
    send: () => Promise.resolve(outcomes.shift() as ManifestOutcome),
    revive: () => Promise.resolve("back"),
    stopsAfterFailureOf: () => false,
  });

  expect(end.attempts.map(describeAttempt)).toEqual(["proxy not found (cached)"]);
});
