import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { completeConfig } from "../../../src/config/complete-config.ts";
import { createRouterContext, type RouterContext } from "../../../src/router-context.ts";
import { until } from "../../support/within.ts";

const hosted = "http://hosted.example";

function withProxy(name: string, before?: RouterContext): RouterContext {
  return createRouterContext(
    completeConfig({ hosted, proxy: `http://${name}.example`, via: "router" }),
    before,
  );
}

describe("the context of a configuration", () => {
  it("do not keep removed upstreams of earlier configurations alive", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage: () => void = runInNewContext("gc");
    const first = new WeakRef(withProxy("first"));
    const gone = (first.deref()?.policy.proxies ?? []).map((proxy) => new WeakRef(proxy));
    const second = withProxy("second", first.deref());
    const third = withProxy("third", second);

    await until(4_000, "the first proxy to be collected", () => {
      collectGarbage();
      return gone.every((proxy) => proxy.deref() === undefined);
    });

    expect(gone).toHaveLength(1);
    expect(third.policy.hosted).toBe(second.policy.hosted);
  });
});
