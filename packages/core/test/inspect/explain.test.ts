import { type CombinedRegistryConfig, ImageNameError } from "@combined-registry/core";
import {
  type Fault,
  type RegistryOptions,
  startRegistry,
  type TestRegistry,
} from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { closedPort, type RunningRouter, startRouter } from "../support/router.ts";
import { until, within } from "../support/within.ts";

interface Lab extends AsyncDisposable {
  readonly hosted: TestRegistry;
  readonly proxy: TestRegistry;
  readonly router: RunningRouter;
  explain(image: string): ReturnType<RunningRouter["handler"]["explain"]>;
}

/** Both have team/both:1 with different images; each has one image that the other has not. */
async function openLab(
  config: Partial<CombinedRegistryConfig> | ((url: { hosted: string; proxy: string }) => object) = {},
  options: { hosted?: RegistryOptions; proxy?: RegistryOptions } = {},
): Promise<Lab> {
  const hosted = await startRegistry(options.hosted);
  const proxy = await startRegistry(options.proxy);
  hosted.addImage("team/both", { tag: "1" });
  proxy.addImage("team/both", { tag: "1", platforms: ["linux/amd64", "linux/arm64"] });
  hosted.addImage("team/private", { tag: "1" });
  proxy.addImage("library/public", { tag: "1" });
  const url = { hosted: hosted.url, proxy: proxy.url };
  const router = await startRouter({ ...url, ...(typeof config === "function" ? config(url) : config) });
  return {
    hosted,
    proxy,
    router,
    explain: (image) => within(10_000, `explaining ${image}`, router.handler.explain(image)),
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([hosted.close(), proxy.close()]);
    },
  };
}

const asked = ({ requests }: TestRegistry) => requests.map(({ method, url }) => `${method} ${url}`);

describe("explain predicts the result of a pull", () => {
  const states: Readonly<Record<string, Fault | undefined>> = {
    well: undefined,
    hanging: { hang: true },
    resetting: { reset: true },
    "answering 500": { status: 500 },
    "answering 503 that says unknown": { status: 503, body: { errors: [{ code: "MANIFEST_UNKNOWN" }] } },
    "answering 429": { status: 429 },
    "answering 401": { status: 401 },
    "answering 400": { status: 400 },
    redirecting: { status: 307, headers: { Location: "http://127.0.0.1:9/" } },
    "without HEAD": { method: "HEAD", status: 405 },
  };
  const rows = Object.keys(states).flatMap((state) =>
    (["proxy", "hosted"] as const).flatMap((side) =>
      (["continue", "stop"] as const).map((onFailure) => [side, state, onFailure] as const),
    ),
  );

  it.each(rows)("with %s %s, and on failure %s", async (side, state, onFailure) => {
    // A machine that is busy must not be taken for an upstream that hangs.
    const timeouts = state === "hanging" ? { headers: 600 } : {};
    const options = { timeouts, breaker: false } as const;
    await using lab = await openLab(({ hosted, proxy }) => ({
      hosted: { url: hosted, ...options },
      proxy: { url: proxy, ...options },
      rules: [{ match: "**", onFailure }],
    }));
    const fault = states[state];
    if (fault !== undefined) {
      lab[side].fault(fault);
    }

    for (const image of ["team/both:1", "team/private:1", "library/public:1", "team/none:1"]) {
      const { pull } = await lab.explain(image);
      const [repository, tag] = image.split(":");
      const real = await fetchRaw(lab.router.url, `/v2/${repository}/manifests/${tag}`);
      const by = String(real.headers["x-combined-registry"]).split(";")[0];

      expect([image, pull.status]).toEqual([image, real.status]);
      if (pull.from !== undefined) {
        expect([image, pull.from]).toEqual([image, by]);
      } else {
        expect([image, real.status >= 400]).toEqual([image, true]);
      }
    }
  });
});

describe("explain", () => {
  it("names the rule, the upstreams in order with their results, and where a push goes", async () => {
    await using lab = await openLab({
      rules: [
        { match: "other/**", pull: ["hosted"] },
        { match: ["team/**"], pull: ["hosted", "proxy"], access: { push: ["alice"] } },
      ],
      authorize: () => ({ decision: "allow" }),
    });

    const explanation = await lab.explain("team/private:1");

    expect(explanation).toMatchObject({
      image: "team/private:1",
      repository: "team/private",
      reference: "1",
      rule: {
        name: "rules[1]",
        position: 1,
        match: ["team/**"],
        pull: ["hosted", "proxy"],
        push: "hosted",
        owned: false,
        shadow: "warn",
        access: { pull: "authorize", push: ["alice"] },
      },
      skipped: [],
      pull: { from: "hosted", status: 200, because: "hosted is asked first" },
      push: { to: "hosted", because: "rules[1] says push: hosted" },
      shadowing: [],
      advice: [],
    });
    expect(explanation.upstreams).toMatchObject([
      { name: "hosted", kind: "hosted", outcome: "found", status: 200, method: "HEAD", breaker: "closed" },
      { name: "proxy", kind: "proxy", outcome: "not_found", status: 404, method: "HEAD" },
    ]);
    expect(explanation.upstreams[0]?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(explanation.upstreams[0]?.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  });

  it("says that a push is denied, and by which rule", async () => {
    await using lab = await openLab({ rules: [{ match: "library/**", pull: ["proxy"] }] });

    const { push } = await lab.explain("library/public:1");

    expect(push).toEqual({ because: "rules[0] says push: deny" });
  });

  it("says that the hook decides where no rule has access lists", async () => {
    await using lab = await openLab({ authorize: () => "deny" });

    const { rule } = await lab.explain("team/private:1");

    expect(rule.access).toEqual({ pull: "authorize", push: "authorize" });
  });

  it("names the two digests where a tag means two images, and what to do", async () => {
    await using lab = await openLab();

    const { shadowing, pull, advice } = await lab.explain("team/both:1");

    const [one] = shadowing;
    expect(shadowing).toHaveLength(1);
    expect(one).toMatchObject({ hosted: { name: "hosted" }, proxy: { name: "proxy" } });
    expect(one?.hosted.digest).not.toBe(one?.proxy.digest);
    expect(pull.from).toBe("proxy");
    expect(advice.join()).toMatch(/different images under this tag, and pulls get proxy's/);
  });

  it("reports no shadowing where digests of two algorithms cannot be compared", async () => {
    await using lab = await openLab();
    const digest = `sha512:${"0".repeat(128)}`;
    lab.proxy.fault({
      method: "HEAD",
      status: 200,
      headers: { "Docker-Content-Digest": digest },
      body: "{}",
    });

    const { shadowing, upstreams } = await lab.explain("team/both:1");

    expect(upstreams.map((one) => one.digest?.split(":")[0])).toEqual(["sha512", "sha256"]);
    expect(shadowing).toEqual([]);
  });

  it("reports no shadowing where both have the same image", async () => {
    await using lab = await openLab();
    lab.hosted.addImage("team/same", { tag: "1" });
    lab.proxy.addImage("team/same", { tag: "1" });

    expect((await lab.explain("team/same:1")).shadowing).toEqual([]);
  });

  it("reads the body where HEAD is ambiguous: a cache's 500 for an unknown digest", async () => {
    await using lab = await openLab({}, { proxy: { unknownManifestDigest: "distribution-2" } });
    const digest = `sha256:${"0".repeat(64)}`;

    const { upstreams, pull } = await lab.explain(`team/private@${digest}`);

    expect(upstreams).toMatchObject([
      { name: "proxy", method: "GET", status: 500, outcome: "not_found" },
      { name: "hosted", method: "HEAD", status: 404, outcome: "not_found" },
    ]);
    expect(pull.status).toBe(404);
  });

  it("computes a digest that no header has", async () => {
    await using lab = await openLab();
    lab.hosted.fault({ status: 200, headers: { "Content-Type": "application/json" }, body: '{"layers":[]}' });

    const { upstreams } = await lab.explain("team/private:1");

    expect(upstreams.find(({ name }) => name === "hosted")).toMatchObject({
      method: "GET",
      digest: "sha256:c824a9aa7d2e3471306648c6d4baa1abbcb97ff0276181ab4722ca27127cdba0",
    });
  });

  it("asks with GET and HEAD alone, and a cache for the name that it has there", async () => {
    await using lab = await openLab(({ proxy }) => ({ proxy: { url: proxy, libraryPrefix: true } }));

    const { upstreams, pull } = await lab.explain("public:1");

    expect(asked(lab.proxy)).toEqual(["HEAD /v2/library/public/manifests/1"]);
    expect(asked(lab.hosted)).toEqual(["HEAD /v2/public/manifests/1"]);
    expect(upstreams.map(({ repository }) => repository)).toEqual(["library/public", "public"]);
    expect(pull.from).toBe("proxy");
  });

  it("says for a name of one component that official images are under library/", async () => {
    await using lab = await openLab();

    const { advice, pull } = await lab.explain("public");

    expect(pull).toMatchObject({ status: 404 });
    expect(advice.join()).toMatch(/try library\/public, or set libraryPrefix: true/);
  });

  it("names the cause of a failure, and does not take it for not found", async () => {
    const port = await closedPort();
    await using lab = await openLab({ proxy: `http://127.0.0.1:${port}` });

    const { upstreams, pull, advice } = await lab.explain("team/none:1");

    expect(upstreams[0]).toMatchObject({ name: "proxy", outcome: "failed", cause: "connection refused" });
    expect(pull).toEqual({ status: 502, because: "proxy failed (connection refused), hosted not found" });
    expect(advice.join()).toMatch(/proxy failed \(connection refused\)/);
  });

  it("says that a hosted registry with auth passthrough was asked without credentials", async () => {
    const user = { username: "alice", password: "right" };
    await using lab = await openLab(({ hosted }) => ({ hosted: { url: hosted, auth: "passthrough" } }), {
      hosted: { auth: user },
    });

    const { upstreams, advice } = await lab.explain("team/private:1");

    expect(upstreams.find(({ name }) => name === "hosted")).toMatchObject({ outcome: "final", status: 401 });
    expect(advice.join()).toMatch(/checks each client's own credentials/);
  });

  it("reports an open circuit, asks that upstream nevertheless, and does not change its breaker", async () => {
    await using lab = await openLab(({ proxy }) => ({
      proxy: { url: proxy, breaker: { failures: 1, delay: 60_000, longestDelay: 60_000 } },
    }));
    lab.proxy.fault({ status: 503, times: 1 });
    await fetchRaw(lab.router.url, "/v2/team/private/manifests/1");

    const both = await lab.explain("team/both:1");
    const there = await lab.explain("library/public:1");

    expect(both.upstreams[0]).toMatchObject({ name: "proxy", breaker: "open", outcome: "found" });
    expect(both.pull).toMatchObject({ from: "hosted", because: "proxy failed (circuit open)" });
    expect(there.pull).toMatchObject({ from: "proxy", status: 200 });
    expect(both.advice.join()).toMatch(/proxy answers now but its circuit is open/);
  });

  it.each(["Team/App", "team/app:", "app@sha256:12", ""])(
    "rejects %s, which names no image",
    async (image) => {
      await using lab = await openLab();

      await expect(lab.explain(image)).rejects.toThrow(ImageNameError);
      expect([...asked(lab.proxy), ...asked(lab.hosted)]).toEqual([]);
    },
  );

  it("uses a reloaded configuration", async () => {
    await using lab = await openLab();
    lab.router.handler.reload({
      hosted: lab.hosted.url,
      proxy: lab.proxy.url,
      rules: [{ match: "team/**", pull: ["hosted"] }],
    });

    expect((await lab.explain("team/both:1")).pull.from).toBe("hosted");
  });

  it("leaves no connection open when the router is closed", async () => {
    await using lab = await openLab();
    await lab.explain("team/both:1");
    await lab.router.handler.close();

    await until(
      5_000,
      "the connections to end",
      () => lab.proxy.openConnections + lab.hosted.openConnections === 0,
    );
  });
});

describe("a name that a rule keeps from the proxies reaches no proxy", () => {
  const kept: Readonly<Record<string, Partial<CombinedRegistryConfig>>> = {
    "by its pull": { rules: [{ match: "team/**", pull: ["hosted"] }] },
    "because it is owned and hosted has it": { rules: [{ match: "team/**", owned: true }] },
  };

  it.each(Object.entries(kept))("%s", async (_, config) => {
    await using lab = await openLab(config);

    const { skipped, pull } = await lab.explain("team/both:1");

    expect(asked(lab.proxy)).toEqual([]);
    expect(skipped).toMatchObject([{ name: "proxy", kind: "proxy" }]);
    expect(pull.from).toBe("hosted");
  });

  it("because it is unknown whether hosted has it", async () => {
    await using lab = await openLab({ rules: [{ match: "team/**", owned: true }] });
    lab.hosted.fault({ status: 500 });

    const { skipped } = await lab.explain("team/both:1");

    expect(asked(lab.proxy)).toEqual([]);
    expect(skipped).toEqual([
      {
        name: "proxy",
        kind: "proxy",
        reason: "the rule says owned, and hosted cannot say whether it has the repository",
      },
    ]);
  });

  it("unless it is owned and hosted does not have it", async () => {
    await using lab = await openLab({ rules: [{ match: "**", owned: true }] });

    const { pull, skipped } = await lab.explain("library/public:1");

    expect(pull.from).toBe("proxy");
    expect(skipped).toEqual([]);
  });

  it("by that proxy's own match", async () => {
    await using lab = await openLab(({ proxy }) => ({ proxy: { url: proxy, match: "library/**" } }));

    const { skipped } = await lab.explain("team/both:1");

    expect(asked(lab.proxy)).toEqual([]);
    expect(skipped).toEqual([{ name: "proxy", kind: "proxy", reason: "its match does not cover the name" }]);
  });
});

describe("the host in an image's name", () => {
  const config = ({ proxy, hosted }: { proxy: string; hosted: string }) => ({
    hosted: { url: hosted, hosts: ["hosted.example.com"] },
    proxy: [
      { name: "hub", url: proxy, namespace: "docker.io" },
      { name: "other", url: proxy },
    ],
  });

  it.each([
    ["docker.io/library/public:1", "namespace", ["hub"], "hub"],
    ["hosted.example.com/team/private:1", "hosts", ["hosted"], "hosted"],
    ["hosted.example.com:5000/team/private:1", "hosts", ["hosted"], "hosted"],
    ["registry.example.com/team/private:1", "nothing", ["hub", "other", "hosted"], "hosted"],
  ])("%s means %s", async (image, means, upstreams, from) => {
    await using lab = await openLab(config);

    const explanation = await lab.explain(image);

    expect(explanation.host?.means).toBe(means);
    expect(explanation.upstreams.map(({ name }) => name)).toEqual(upstreams);
    expect(explanation.pull.from).toBe(from);
    expect(explanation.skipped.every(({ reason }) => reason.endsWith("is another registry"))).toBe(true);
  });

  it("is asked with the namespace, as by containerd", async () => {
    await using lab = await openLab(config);

    await lab.explain("docker.io/library/public:1");

    expect(asked(lab.proxy)).toEqual(["HEAD /v2/library/public/manifests/1"]);
    expect(asked(lab.hosted)).toEqual([]);
  });

  it("that stands for a proxy alone denies pushes", async () => {
    await using lab = await openLab(({ proxy }) => ({ proxy: { url: proxy, hosts: ["hub.example.com"] } }));

    const { push } = await lab.explain("hub.example.com/library/public:1");

    expect(push).toEqual({
      because: "the host in the image's name selects a registry that takes no pushes",
    });
  });
});
