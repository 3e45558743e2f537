import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { ClientAborted, UpstreamFailure } from "../../../src/errors.ts";
import { Breaker } from "../../../src/upstream/breaker/breaker.ts";
import type { InternalRequest } from "../../../src/upstream/request.ts";
import type { UpstreamResponse } from "../../../src/upstream/transport/send.ts";

beforeEach(() => {
  jest.useFakeTimers({ now: 0, doNotFake: ["nextTick", "queueMicrotask"] });
});

afterEach(() => {
  jest.useRealTimers();
});

const answer: UpstreamResponse = { status: 200, headers: [], body: new IncomingMessage(new Socket()) };

function about(repository: string): InternalRequest {
  return {
    asked: { method: "GET", path: `/v2/${repository}/manifests/1`, search: "", scope: [], repository },
    accept: [],
  };
}

/** A breaker whose probes hang until `comeBack`, and a record of these probes. */
function breakerOf(kind: "hosted" | "proxy") {
  const probes: { name: string | undefined; time: number; timeout: number }[] = [];
  let isBack = false;
  const breaker = new Breaker(
    { failures: 5, delay: 1_000, longestDelay: 10_000 },
    {
      kind,
      timeout: 30_000,
      probe: async ({ asked }, timeout) => {
        probes.push({ name: asked.repository, time: Date.now(), timeout });
        if (!isBack) {
          await jest.advanceTimersByTimeAsync(timeout);
          throw new UpstreamFailure("timeout", "no answer");
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
        return answer;
      },
      changed: () => undefined,
    },
  );
  return {
    breaker,
    probes,
    comeBack() {
      isBack = true;
    },
  };
}

/** A request that ends so after a while. */
async function ends(breaker: Breaker, name: string, after: number, error?: Error): Promise<void> {
  const work = async () => {
    await jest.advanceTimersByTimeAsync(after);
    if (error !== undefined) {
      throw error;
    }
    return answer;
  };
  await breaker.run(about(name), work).catch(() => undefined);
}

const timedOut = new UpstreamFailure("timeout", "no answer");

async function endEach(breaker: Breaker, names: readonly string[], between?: string): Promise<void> {
  for (const name of names) {
    await ends(breaker, name, 10_000, timedOut);
    if (between !== undefined) {
      await ends(breaker, between, 10);
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
    const { breaker } = breakerOf(kind);

    await endEach(breaker, names, "fine");

    expect(breaker.state).toBe(state);
  });

  it.each(["proxy", "hosted"] as const)("none for %s: five timeouts in a row open it", async (kind) => {
    const { breaker } = breakerOf(kind);

    await endEach(breaker, ["a", "a", "a", "a", "a"]);

    expect(breaker.state).toBe("open");
  });

  it("old timeouts are forgotten", async () => {
    const { breaker } = breakerOf("proxy");
    await endEach(breaker, ["a", "b", "c", "d"], "fine");
    await jest.advanceTimersByTimeAsync(300_000);

    await endEach(breaker, ["e"], "fine");

    expect(breaker.state).toBe("closed");
  });
});

describe("clients that leave", () => {
  it.each([
    ["after five seconds count as timeouts", 5_000, "open"],
    ["before do not count", 4_999, "closed"],
  ])("%s", async (_, after, state) => {
    const { breaker } = breakerOf("proxy");

    for (const name of ["a", "b", "c", "d", "e"]) {
      await ends(breaker, name, after, new ClientAborted());
    }

    expect(breaker.state).toBe(state);
  });
});

describe("half-open probes", () => {
  it("start at most ten seconds apart, with a timeout of five, so that the breaker closes within fifteen", async () => {
    const { breaker, probes } = breakerOf("proxy");
    await endEach(breaker, ["a", "b", "c", "d", "e"]);
    for (let step = 0; probes.length < 8 && step < 1_000; step++) {
      breaker.probeIfDue();
      await jest.advanceTimersByTimeAsync(100);
    }

    const gaps = probes.slice(1).map(({ time }, index) => time - (probes[index]?.time ?? 0));
    expect(gaps.every((gap) => gap <= 10_200)).toBe(true);
    expect(new Set(probes.map(({ timeout }) => timeout))).toEqual(new Set([5_000]));
  });

  it("rotate over the images that timed out", async () => {
    const { breaker, probes } = breakerOf("proxy");
    await endEach(breaker, ["a", "b", "c", "d", "e"]);
    for (let step = 0; probes.length < 7 && step < 1_000; step++) {
      breaker.rejected(about("at hand"));
      await jest.advanceTimersByTimeAsync(100);
    }

    expect(probes.map(({ name }) => name)).toEqual(["a", "b", "c", "d", "e", "a", "b"]);
  });

  it("request another image where only one timed out", async () => {
    const { breaker, probes, comeBack } = breakerOf("proxy");
    await endEach(breaker, ["a", "a", "a", "a", "a"]);
    await jest.advanceTimersByTimeAsync(1_000);
    comeBack();

    breaker.rejected(about("other"));
    await jest.advanceTimersByTimeAsync(100);

    expect([probes.map(({ name }) => name), breaker.state]).toEqual([["other"], "closed"]);
  });

  it("are not affected by older requests that end meanwhile", async () => {
    const { breaker, comeBack } = breakerOf("proxy");
    let fail = (_: Error) => {};
    const straggler = breaker.run(
      about("z"),
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    );
    await endEach(breaker, ["a", "b", "c", "d", "e"]);
    await jest.advanceTimersByTimeAsync(1_000);
    comeBack();
    breaker.probeIfDue();
    fail(new UpstreamFailure("unreachable", "connection refused"));
    await expect(straggler).rejects.toThrow("connection refused");
    await jest.advanceTimersByTimeAsync(100);

    expect(breaker.state).toBe("closed");
  });
});
