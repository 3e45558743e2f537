import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { ClientAborted, UpstreamFailure } from "../../../src/errors.ts";
import { Breaker } from "../../../src/upstream/breaker/breaker.ts";
import type { UpstreamRequest } from "../../../src/upstream/request.ts";
import type { UpstreamResponse } from "../../../src/upstream/transport/send.ts";

beforeEach(() => {
  jest.useFakeTimers({ now: 0, doNotFake: ["nextTick", "queueMicrotask"] });
});

afterEach(() => {
  jest.useRealTimers();
});

const answer: UpstreamResponse = { status: 200, headers: [], body: new IncomingMessage(new Socket()) };

const { signal } = new AbortController();

function about(repository: string): UpstreamRequest {
  const path = `/v2/${repository}/manifests/1`;
  const decided = performance.now();
  return { method: "GET", path, search: "", scope: [], repository, accept: [], decided, signal };
}

/** A breaker whose probes hang until `comeBack`, and a record of these probes. */
function breakerOf(kind: "hosted" | "proxy") {
  const probes: { name: string | undefined; time: number; timeout: number | undefined }[] = [];
  const work = new Map<UpstreamRequest, () => Promise<UpstreamResponse>>();
  let isBack = false;
  const breaker = new Breaker(
    { failures: 5, delay: 1_000, longestDelay: 10_000 },
    {
      kind,
      timeout: 30_000,
      probe: async ({ repository, timeout = 0 }) => {
        probes.push({ name: repository, time: performance.now(), timeout: timeout });
        if (!isBack) {
          await jest.advanceTimersByTimeAsync(timeout);
          throw new UpstreamFailure("timeout", "no answer");
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
        return answer;
      },
      stateChanged: () => undefined,
    },
    async (request) => work.get(request)?.() ?? answer,
  );
  return {
    breaker,
    probes,
    /** Sends a request that goes so. */
    send(name: string, goes: () => Promise<UpstreamResponse>): Promise<UpstreamResponse> {
      const request = about(name);
      work.set(request, goes);
      return breaker.send(request);
    },
    comeBack() {
      isBack = true;
    },
  };
}

type Scene = ReturnType<typeof breakerOf>;

/** A request that ends so after a while. */
async function ends({ send }: Scene, name: string, after: number, error?: Error): Promise<void> {
  const work = async () => {
    await jest.advanceTimersByTimeAsync(after);
    if (error !== undefined) {
      throw error;
    }
    return answer;
  };
  await send(name, work).catch(() => undefined);
}

const timedOut = new UpstreamFailure("timeout", "no answer");

async function endEach(scene: Scene, names: readonly string[], between?: string): Promise<void> {
  for (const name of names) {
    await ends(scene, name, 10_000, timedOut);
    if (between !== undefined) {
      await ends(scene, between, 10);
    }
  }
}

describe("successes in between", () => {
  it.each([
    ["a proxy that times out for five images", "proxy", ["a", "b", "c", "d", "e"], "open"],
    [
      "a proxy that times out for one image three times, and for two others",
      "proxy",
      ["a", "a", "b", "a", "c"],
      "open",
    ],
    [
      "a proxy that times out for one image often, and for another once",
      "proxy",
      ["a", "a", "a", "a", "b", "a", "a"],
      "closed",
    ],
    ["hosted that times out for five images", "hosted", ["a", "b", "c", "d", "e"], "closed"],
  ] as const)("%s", async (_, kind, names, state) => {
    const scene = breakerOf(kind);
    const { breaker } = scene;

    await endEach(scene, names, "fine");

    expect(breaker.state).toBe(state);
  });

  it.each(["proxy", "hosted"] as const)("none of %s: timedOut five times in a row", async (kind) => {
    const scene = breakerOf(kind);
    const { breaker } = scene;

    await endEach(scene, ["a", "a", "a", "a", "a"]);

    expect(breaker.state).toBe("open");
  });

  it("timedOut ones long ago are forgotten", async () => {
    const scene = breakerOf("proxy");
    const { breaker } = scene;
    await endEach(scene, ["a", "b", "c", "d"], "fine");
    await jest.advanceTimersByTimeAsync(300_000);

    await endEach(scene, ["e"], "fine");

    expect(breaker.state).toBe("closed");
  });
});

describe("clients that leave", () => {
  it.each([
    ["after five seconds count as timeouts", 5_000, "open"],
    ["before do not count", 4_999, "closed"],
  ])("%s", async (_, after, state) => {
    const scene = breakerOf("proxy");
    const { breaker } = scene;

    for (const name of ["a", "b", "c", "d", "e"]) {
      await ends(scene, name, after, new ClientAborted());
    }

    expect(breaker.state).toBe(state);
  });
});

describe("probes", () => {
  it("begin no later than ten seconds after each other, and wait five, so that it is back within fifteen", async () => {
    const scene = breakerOf("proxy");
    const { breaker, probes } = scene;
    await endEach(scene, ["a", "b", "c", "d", "e"]);
    for (let step = 0; probes.length < 8 && step < 1_000; step++) {
      breaker.probeIfDue();
      await jest.advanceTimersByTimeAsync(100);
    }

    const gaps = probes.slice(1).map(({ time }, index) => time - (probes[index]?.time ?? 0));
    expect(gaps.every((gap) => gap <= 10_200)).toBe(true);
    expect(new Set(probes.map(({ timeout }) => timeout))).toEqual(new Set([5_000]));
  });

  it("ask each image that was timedOut in turn", async () => {
    const scene = breakerOf("proxy");
    const { breaker, probes } = scene;
    await endEach(scene, ["a", "b", "c", "d", "e"]);
    for (let step = 0; probes.length < 7 && step < 1_000; step++) {
      void breaker.send(about("at hand")).catch(() => undefined);
      await jest.advanceTimersByTimeAsync(100);
    }

    expect(probes.map(({ name }) => name)).toEqual(["a", "b", "c", "d", "e", "a", "b"]);
  });

  it("ask for another image where only one was timedOut", async () => {
    const scene = breakerOf("proxy");
    const { breaker, probes, comeBack } = scene;
    await endEach(scene, ["a", "a", "a", "a", "a"]);
    await jest.advanceTimersByTimeAsync(1_000);
    comeBack();

    void breaker.send(about("other")).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(100);

    expect([probes.map(({ name }) => name), breaker.state]).toEqual([["other"], "closed"]);
  });

  it("are not spoilt by requests from before that end meanwhile", async () => {
    const scene = breakerOf("proxy");
    const { breaker, comeBack } = scene;
    let fail = (_: Error) => {};
    const straggler = scene.send(
      "z",
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    await endEach(scene, ["a", "b", "c", "d", "e"]);
    await jest.advanceTimersByTimeAsync(1_000);
    comeBack();
    breaker.probeIfDue();
    fail(new UpstreamFailure("unreachable", "connection refused"));
    await expect(straggler).rejects.toThrow("connection refused");
    await jest.advanceTimersByTimeAsync(100);

    expect(breaker.state).toBe("closed");
  });
});
