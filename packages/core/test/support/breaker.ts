import { expect } from "@jest/globals";
import { fetchRaw } from "./client.ts";
import type { RunningRouter } from "./router.ts";
import { type Sides, type SidesOptions, startSides } from "./sides.ts";

/** What hosted has. */
export const privateTag = "/v2/acme/app/manifests/1.0";
/** What the proxy has. */
export const publicTag = "/v2/library/tool/manifests/1.0";
/** With a breaker that opens and closes soon. */
export const quick = { breaker: { failures: 3, delay: 50, longestDelay: 200 }, timeouts: { headers: 150 } };

/** A router between a proxy that has `publicTag` and a hosted registry that has `privateTag`. */
export async function startWithImages({
  proxies = { proxy: quick },
  ...rest
}: SidesOptions = {}): Promise<Sides> {
  const sides = await startSides({ proxies, ...rest });
  sides.proxy.addImage("library/tool", { tag: "1.0", layers: ["public"] });
  sides.hosted.addImage("acme/app", { tag: "1.0", layers: ["private"] });
  return sides;
}

/** What /healthcheck says of an upstream's breaker. */
export async function stateOf({ handler }: RunningRouter, name = "proxy"): Promise<string | undefined> {
  return (await handler.health()).upstreams.find((upstream) => upstream.name === name)?.breaker;
}

/** Pulls a private image until an upstream's breaker opens. */
export async function openBreaker(router: RunningRouter, failures = 3, name = "proxy"): Promise<void> {
  for (let pull = 0; pull < failures; pull++) {
    await fetchRaw(router.url, privateTag);
  }
  expect(await stateOf(router, name)).not.toBe("closed");
}

/** Pulls a private image again and again until something has happened. */
export async function pullUntil(
  router: RunningRouter,
  label: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`${label}: not within 10 s`);
    }
    await fetchRaw(router.url, privateTag);
  }
}

/** With a breaker that stays open for the rest of a test. */
export const lasting = {
  breaker: { failures: 3, delay: 60_000, longestDelay: 60_000 },
  timeouts: { headers: 150 },
};
