import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import type { UpstreamRequestTrace } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { afterEach, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { digestOf } from "../../support/push.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";

const channel = tracingChannel<unknown, UpstreamRequestTrace>("combined-registry.upstream");
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const unsubscribes: (() => void)[] = [];

afterEach(() => {
  for (const unsubscribe of unsubscribes.splice(0)) {
    unsubscribe();
  }
});

interface Event {
  readonly name: string;
  readonly upstream: string;
  readonly method: string;
  readonly url: string;
  readonly status: number | undefined;
  readonly failed: boolean;
}

function subscribe(onStart: (trace: UpstreamRequestTrace) => void = () => undefined): Event[] {
  const events: Event[] = [];
  const note = (name: string) => (trace: UpstreamRequestTrace) => {
    const { upstream, method, url, status, error } = trace;
    events.push({ name, upstream, method, url, status, failed: error !== undefined });
    if (name === "start") {
      onStart(trace);
    }
  };
  const subscribers = {
    start: note("start"),
    end: note("end"),
    asyncStart: note("asyncStart"),
    asyncEnd: note("asyncEnd"),
    error: note("error"),
  };
  channel.subscribe(subscribers);
  unsubscribes.push(() => channel.unsubscribe(subscribers));
  return events;
}

it("publishes each upstream request of a pull, and sends the traceparent that a subscriber sets", async () => {
  await using sides = await startSides();
  sides.hosted.addImage("team/app", { tag: "1.0" });
  const events = subscribe((trace) => {
    trace.headers.traceparent = traceparent;
  });

  const pulled = await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0", {
    headers: { TraceParent: "00-of-the-client-01" },
  });

  expect(pulled.status).toBe(200);
  const target = "/v2/team/app/manifests/1.0";
  const proxy = { upstream: "proxy", method: "GET", url: `${sides.proxy.url}${target}`, failed: false };
  const hosted = { ...proxy, upstream: "hosted", url: `${sides.hosted.url}${target}` };
  expect(events.filter(({ url }) => url.endsWith(target))).toEqual([
    { ...proxy, name: "start", status: undefined },
    { ...proxy, name: "end", status: undefined },
    { ...proxy, name: "asyncStart", status: 404 },
    { ...proxy, name: "asyncEnd", status: 404 },
    { ...hosted, name: "start", status: undefined },
    { ...hosted, name: "end", status: undefined },
    { ...hosted, name: "asyncStart", status: 200 },
    { ...hosted, name: "asyncEnd", status: 200 },
  ]);
  for (const { requests } of [sides.proxy, sides.hosted]) {
    expect(requests.map(({ headers }) => headers.traceparent)).toEqual([traceparent]);
  }
});

it("publishes uploads without their query", async () => {
  await using sides = await startSides();
  const events = subscribe((trace) => {
    trace.headers.traceparent = traceparent;
  });
  const content = Buffer.from("a layer");

  const begun = await fetchRaw(sides.router.url, "/v2/team/app/blobs/uploads/", { method: "POST" });
  const session = String(begun.headers.location);
  const put = await fetchRaw(
    sides.router.url,
    `${session}${session.includes("?") ? "&" : "?"}digest=${digestOf(content)}`,
    {
      method: "PUT",
      headers: { "Content-Type": "application/octet-stream" },
      body: content,
    },
  );

  expect(put.status).toBe(201);
  const puts = events.filter(({ method }) => method === "PUT");
  expect(puts.map(({ name, status }) => [name, status])).toEqual([
    ["start", undefined],
    ["end", undefined],
    ["asyncStart", 201],
    ["asyncEnd", 201],
  ]);
  expect(puts[0]?.url).not.toContain("?");
  expect(sides.hosted.requests.map(({ headers }) => headers.traceparent)).toEqual([traceparent, traceparent]);
});

it("publishes failures in the async context of the client's request", async () => {
  await using sides = await startSides();
  const context = new AsyncLocalStorage<string>();
  await using router = await startRouter(
    { hosted: sides.hosted.url, proxy: sides.proxy.url },
    (handler) => (request, response) => context.run(request.url ?? "", () => void handler(request, response)),
  );
  const seen: (string | undefined)[] = [];
  const events = subscribe(() => seen.push(context.getStore()));
  sides.proxy.fault({ path: /manifests/, reset: true });
  const target = "/v2/team/app/manifests/1.0";

  await fetchRaw(router.url, target);

  expect(
    events.filter(({ upstream }) => upstream === "proxy").map(({ name, failed }) => [name, failed]),
  ).toEqual([
    ["start", false],
    ["end", false],
    ["error", true],
    ["asyncStart", true],
    ["asyncEnd", true],
  ]);
  expect(new Set(seen)).toEqual(new Set([target]));
});

it("publishes no credentials, and ignores headers of a subscriber that would break a request", async () => {
  const user = { username: "robot", password: "hunter2" };
  await using hosted = await startRegistry({ tokens: { user, anonymous: false } });
  hosted.addImage("team/app", { tag: "1.0" });
  await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: hosted.url });
  const traces: UpstreamRequestTrace[] = [];
  subscribe((trace) => {
    traces.push(trace);
    Object.assign(trace.headers, {
      "bad name": "x",
      baggage: "a\r\nb",
      authorization: "none",
      tracestate: "a=1",
    });
  });

  const pulled = await fetchRaw(router.url, "/v2/team/app/manifests/1.0?ns=secret");

  expect(pulled.status).toBe(200);
  expect(traces.some(({ url }) => url.endsWith("/token"))).toBe(true);
  expect(JSON.stringify(traces)).not.toMatch(/hunter2|secret|scope|Bearer/);
  expect(hosted.requests.at(-1)?.headers).toMatchObject({ tracestate: "a=1" });
});
