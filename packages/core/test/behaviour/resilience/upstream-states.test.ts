import { type Fault, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { closedPort, type RunningRouter, startRouter } from "../../support/router.ts";

const unknown = `sha256:${"0".repeat(64)}`;
const targets = {
  tag: "/v2/missing/manifests/1.0",
  digest: `/v2/missing/manifests/${unknown}`,
  blob: `/v2/missing/blobs/${unknown}`,
} as const;

interface State {
  readonly fault: Fault | "refused";
  readonly cause: RegExp;
  readonly status: number;
  readonly code: string;
  readonly retryAfter?: string;
}

// What the proxy does, and what a GET of something that hosted has not got is answered then.
const states: Readonly<Record<string, State>> = {
  refused: { fault: "refused", cause: /connection refused/, status: 502, code: "UPSTREAM_FAILED" },
  hung: { fault: { hang: true }, cause: /timeout after 150 ms/, status: 504, code: "UPSTREAM_TIMEOUT" },
  "resetting connections": {
    fault: { reset: true },
    cause: /connection closed before an answer/,
    status: 502,
    code: "UPSTREAM_FAILED",
  },
  "answering 500": { fault: { status: 500 }, cause: /answered 500/, status: 502, code: "UPSTREAM_FAILED" },
  "answering 503": {
    fault: { status: 503, headers: { "Retry-After": "9" } },
    cause: /answered 503/,
    status: 502,
    code: "UPSTREAM_FAILED",
  },
  "answering 429": {
    fault: { status: 429, headers: { "Retry-After": "7" } },
    cause: /rate limited/,
    status: 429,
    code: "TOOMANYREQUESTS",
    retryAfter: "7",
  },
};

let hosted: TestRegistry;
let proxy: TestRegistry;

beforeAll(async () => {
  hosted = await startRegistry();
  proxy = await startRegistry();
});

afterAll(async () => {
  await Promise.all([hosted.close(), proxy.close()]);
});

async function routerIn(state: Pick<State, "fault">, side: "proxy" | "hosted"): Promise<RunningRouter> {
  const troubled = side === "proxy" ? proxy : hosted;
  for (const registry of [hosted, proxy]) {
    registry.clearFaults();
  }
  const refused = state.fault === "refused" ? `http://127.0.0.1:${await closedPort()}` : undefined;
  if (state.fault !== "refused") {
    troubled.fault(state.fault);
  }
  const timeouts = { headers: 150, ping: 150 };
  return startRouter({
    hosted: { url: side === "hosted" ? (refused ?? hosted.url) : hosted.url, timeouts },
    proxy: { url: side === "proxy" ? (refused ?? proxy.url) : proxy.url, timeouts },
  });
}

const kinds = Object.keys(targets) as (keyof typeof targets)[];

describe.each(Object.entries(states))("with the proxy %s, and hosted without it", (_, state) => {
  it.each(kinds)("GET of a %s names the cause and is never not-found", async (kind) => {
    await using router = await routerIn(state, "proxy");

    const answer = await fetchRaw(router.url, targets[kind]);

    expect(answer.status).toBe(state.status);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["retry-after"]).toBe(state.retryAfter);
    expect(errorOf(answer).code).toBe(state.code);
    expect(errorOf(answer).detail).toMatchObject({
      upstreams: [
        { upstream: "proxy", outcome: "failed", cause: expect.stringMatching(state.cause) },
        { upstream: "hosted", outcome: "not_found", status: 404 },
      ],
    });
  });

  it("HEAD of a tag is the failure, with which GET is answered", async () => {
    await using router = await routerIn(state, "proxy");

    const answer = await fetchRaw(router.url, targets.tag, { method: "HEAD" });

    expect([answer.status, answer.headers["retry-after"]]).toEqual([state.status, state.retryAfter]);
  });

  it.each(["digest", "blob"] as const)(
    "HEAD of a %s is 404 with a Warning, so that pushes go on",
    async (kind) => {
      await using router = await routerIn(state, "proxy");

      const answer = await fetchRaw(router.url, targets[kind], { method: "HEAD" });

      expect(answer.status).toBe(404);
      expect(answer.headers.warning).toMatch(/^299 - "proxy failed \(/);
      expect(answer.headers.warning).toMatch(state.cause);
    },
  );

  it.each(kinds)("what hosted has is served all the same: %s", async (kind) => {
    await using router = await routerIn(state, "proxy");
    const image = hosted.addImage("present", { tag: "1.0", layers: ["x"] });
    const target = {
      tag: "/v2/present/manifests/1.0",
      digest: `/v2/present/manifests/${image.digest}`,
      blob: `/v2/present/blobs/${image.config.digest}`,
    }[kind];

    expect((await fetchRaw(router.url, target)).status).toBe(200);
    expect((await fetchRaw(router.url, target, { method: "HEAD" })).status).toBe(200);
  });
});

describe.each(Object.entries(states))("with hosted %s, and the proxy without it", (_, state) => {
  it.each(kinds.flatMap((kind) => ["GET", "HEAD"].map((method) => [method, kind] as const)))(
    "%s of a %s is never 404",
    async (method, kind) => {
      await using router = await routerIn(state, "hosted");

      const answer = await fetchRaw(router.url, targets[kind], { method });

      expect(answer.status).toBe(state.status);
      if (method === "GET") {
        expect(errorOf(answer).message).toMatch(/hosted failed \(/);
      }
    },
  );
});

describe.each(["proxy", "hosted"] as const)("with bodies of %s cut", (side) => {
  function targetOf(kind: keyof typeof targets): string {
    const repository = `cut-at-${side}`;
    const image = (side === "proxy" ? proxy : hosted).addImage(repository, { tag: "1.0", layers: ["x"] });
    const references = {
      tag: "manifests/1.0",
      digest: `manifests/${image.digest}`,
      blob: `blobs/${image.config.digest}`,
    };
    return `/v2/${repository}/${references[kind]}`;
  }

  it("GET of a blob reaches the client as a broken connection, never as a whole body", async () => {
    await using router = await routerIn({ fault: { cutAt: 20 } }, side);

    const answer = await fetchRaw(router.url, targetOf("blob"));

    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(false);
    expect(answer.body.length).toBeLessThan(Number(answer.headers["content-length"]));
  });

  it.each(["tag", "digest"] as const)(
    "GET of a %s is a failure before anything of it is sent",
    async (kind) => {
      await using router = await routerIn({ fault: { cutAt: 20 } }, side);

      const answer = await fetchRaw(router.url, targetOf(kind));

      expect([answer.status, answer.complete]).toEqual([502, true]);
      expect(errorOf(answer).message).toMatch(`${side} failed (broke off in the middle of a manifest)`);
    },
  );

  it.each(kinds)("HEAD of a %s, which has none, is whole", async (kind) => {
    await using router = await routerIn({ fault: { cutAt: 20 } }, side);

    const answer = await fetchRaw(router.url, targetOf(kind), { method: "HEAD" });

    expect([answer.status, answer.complete]).toEqual([200, true]);
    expect(Number(answer.headers["content-length"])).toBeGreaterThan(20);
  });
});

describe("/v2/", () => {
  it.each(Object.entries(states))("names the proxy that is %s", async (_, state) => {
    await using router = await routerIn(state, "proxy");

    const answer = await fetchRaw(router.url, "/v2/");

    expect(answer.status).toBe(503);
    expect(errorOf(answer)).toMatchObject({
      code: "UNAVAILABLE",
      detail: { upstreams: [{ upstream: "proxy" }] },
    });
  });
});
