import type { RuleConfig } from "@combined-registry/core";
import type { ImageDescriptor } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw, type Received } from "../support/client.ts";
import { manifestType, putManifest } from "../support/push.ts";
import { type Sides, type SidesOptions, startSides } from "../support/sides.ts";
import { asUser, users } from "../support/users.ts";
import { accepts, type Client } from "./accepts.ts";

const impatient = { breaker: false, timeouts: { headers: 200 } } as const;
const quiet: RuleConfig = { match: "**", shadow: "allow" };
const none = `sha256:${"0".repeat(64)}`;

interface Asked {
  readonly status: number;
  readonly by: string;
  /** The upstreams that got a request, in the order of the requests. */
  readonly heard: readonly string[];
  readonly warned: boolean;
}

interface Lab extends Sides {
  /** At the proxy alone, at hosted alone, and at both with different content; each under the tag `1`. */
  readonly images: Readonly<Record<"public/app" | "private/app" | "both/app", ImageDescriptor>>;
  send(
    method: string,
    target: string,
    headers?: Readonly<Record<string, string | string[]>>,
  ): Promise<Received>;
  ask(method: string, target: string, headers?: Readonly<Record<string, string | string[]>>): Promise<Asked>;
}

async function startLab({
  proxies = { proxy: impatient },
  hosted = {},
  router,
}: SidesOptions = {}): Promise<Lab> {
  const sides = await startSides({
    proxies,
    hosted: { ...impatient, ...hosted },
    router: { rules: [quiet], ...router },
  });
  const { router: running, hosted: private_, proxy } = sides;
  const names = Object.keys(proxies);
  const images = {
    "public/app": proxy.addImage("public/app", { tag: "1", layers: ["public"] }),
    "private/app": private_.addImage("private/app", { tag: "1", layers: ["private"] }),
    "both/app": private_.addImage("both/app", { tag: "1", layers: ["of hosted"] }),
  };
  proxy.addImage("both/app", { tag: "1", layers: ["of the proxy"] });
  const send: Lab["send"] = (method, target, headers = {}) =>
    fetchRaw(running.url, target, { method, headers });
  const heard = () => [
    ...names.filter((name) => sides.proxyNamed(name).requests.length > 0),
    ...(private_.requests.length > 0 ? ["hosted"] : []),
  ];
  return {
    ...sides,
    images,
    send,
    async ask(method, target, headers) {
      for (const registry of [private_, ...names.map((name) => sides.proxyNamed(name))]) {
        registry.clearRequests();
      }
      const answer = await send(method, target, headers);
      const by = String(answer.headers["x-combined-registry"] ?? "router").split(";")[0] ?? "";
      return { status: answer.status, by, heard: heard(), warned: "warning" in answer.headers };
    },
  };
}

const pushing = { Accept: `${manifestType}, */*` };
const pulling = {
  Accept:
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, " +
    `${manifestType}, application/vnd.oci.image.index.v1+json, */*`,
};
const crane = { Accept: accepts["crane 0.20, kaniko 1.23, cosign 2"].lines[0] ?? "" };

describe("a HEAD of a tag that the proxy has", () => {
  const rows = Object.entries<Client>(accepts);

  it.each(rows)("by %s", async (_, { lines, purpose }) => {
    await using lab = await startLab();
    const headers = lines.length === 0 ? {} : { Accept: [...lines] };

    const answer = await lab.ask("HEAD", "/v2/public/app/manifests/1", headers);

    expect(answer).toEqual(
      purpose === "push"
        ? { status: 404, by: "hosted", heard: ["hosted"], warned: false }
        : { status: 200, by: "proxy", heard: ["proxy"], warned: false },
    );
  });

  it.each(rows)(
    "while the proxy fails, and hosted does not have it, by %s",
    async (_, { lines, purpose }) => {
      await using lab = await startLab();
      lab.proxy.fault({ status: 500 });
      const headers = lines.length === 0 ? {} : { Accept: [...lines] };

      const answer = await lab.ask("HEAD", "/v2/public/app/manifests/1", headers);

      expect(answer).toEqual(
        {
          push: { status: 404, by: "hosted", heard: ["hosted"], warned: false },
          "push or pull": { status: 404, by: "hosted", heard: ["proxy", "hosted"], warned: true },
          pull: { status: 502, by: "router", heard: ["proxy", "hosted"], warned: false },
        }[purpose],
      );
    },
  );
});

describe("a HEAD that tells of a push", () => {
  const indexAccept = { Accept: "application/vnd.oci.image.index.v1+json, */*" };
  const own = { status: 404, by: "hosted", heard: ["hosted"], warned: false };

  it.each([
    ["tag", "/v2/public/app/manifests/1", pushing, own],
    ["digest", "/v2/public/app/manifests/{public}", pushing, own],
    ["tag, for an index", "/v2/public/app/manifests/1", indexAccept, own],
    ["tag that no upstream has", "/v2/none/app/manifests/1", pushing, own],
    ["tag that hosted has", "/v2/private/app/manifests/1", pushing, { ...own, status: 200 }],
    ["digest that hosted has", "/v2/private/app/manifests/{private}", pushing, { ...own, status: 200 }],
    ["tag that both have", "/v2/both/app/manifests/1", pushing, { ...own, status: 200 }],
    [
      "blob",
      "/v2/public/app/blobs/{layer}",
      pushing,
      { ...own, status: 200, by: "proxy", heard: ["proxy", "hosted"] },
    ],
  ] as const)("asks hosted alone for a manifest: %s", async (_, target, headers, expected) => {
    await using lab = await startLab();
    const filled = target
      .replace("{public}", lab.images["public/app"].digest)
      .replace("{private}", lab.images["private/app"].digest)
      .replace("{layer}", lab.images["public/app"].layers[0]?.digest ?? "");

    expect(await lab.ask("HEAD", filled, headers)).toEqual(expected);
  });

  it("is a HEAD: GET with that Accept, as of a client that pulls by digest, asks as always", async () => {
    await using lab = await startLab();

    expect(await lab.ask("GET", "/v2/public/app/manifests/1", pushing)).toMatchObject({
      status: 200,
      by: "proxy",
    });
  });

  it.each<[string, SidesOptions]>([
    ["hosted is first", { router: { rules: [{ ...quiet, pull: ["hosted", "proxy"] }] } }],
    ["the rule says owned", { router: { rules: [{ ...quiet, owned: true }] } }],
    ["the rule says stop", { router: { rules: [{ ...quiet, onFailure: "stop" }] } }],
    ["the proxy has libraryPrefix", { proxies: { proxy: { ...impatient, libraryPrefix: true } } }],
    ["there are two proxies", { proxies: { hub: impatient, other: impatient } }],
    [
      "nothing is cached",
      { router: { rules: [quiet], memory: { absentTtl: 0, entries: 0, manifestBytes: 0 } } },
    ],
    ["the rule lets every client push", { router: { rules: [{ ...quiet, access: { push: "anonymous" } }] } }],
    [
      "the user may push",
      { router: { rules: [{ ...quiet, access: { push: ["alice"] } }], authorize: users } },
    ],
  ])("asks hosted alone where %s", async (_, options) => {
    await using lab = await startLab(options);
    const headers = { ...pushing, ...(options.router?.authorize && { Authorization: asUser("alice") }) };

    const answer = await lab.ask("HEAD", "/v2/public/app/manifests/1", headers);

    expect(answer).toEqual({ status: 404, by: "hosted", heard: ["hosted"], warned: false });
  });

  const asAlways = { status: 200, by: "proxy" };

  it.each<[string, SidesOptions, string, object]>([
    ["the rule denies pushes", { router: { rules: [{ ...quiet, push: "deny" }] } }, "", {}],
    ["the rule does not have hosted", { router: { rules: [{ ...quiet, pull: ["proxy"] }] } }, "", {}],
    [
      "?ns= names the proxy",
      { proxies: { proxy: { ...impatient, namespace: "docker.io" } } },
      "?ns=docker.io",
      {},
    ],
    ["?ns= names no proxy, as of a mirror", {}, "?ns=quay.io", {}],
    [
      "the host name is the proxy's",
      { proxies: { proxy: { ...impatient, hosts: ["cache.example"] } } },
      "",
      { Host: "cache.example" },
    ],
    [
      "the user may not push",
      { router: { rules: [{ ...quiet, access: { push: ["bob"] } }], authorize: users } },
      "",
      { Authorization: asUser("alice") },
    ],
    [
      "the hook lets the client pull, and not push",
      { router: { rules: [quiet], authorize: (_, { access }) => (access === "pull" ? "allow" : "deny") } },
      "",
      {},
    ],
  ])("asks as always where nothing can be pushed: %s", async (_, options, query, headers) => {
    await using lab = await startLab(options);

    const answer = await lab.ask("HEAD", `/v2/public/app/manifests/1${query}`, { ...pushing, ...headers });

    expect(answer).toMatchObject(asAlways);
    expect(answer.heard).not.toContain("hosted");
  });

  it.each([
    ["a failing hosted", { status: 500 }, 502],
    ["hosted hanging", { hang: true }, 504],
    ["hosted limiting", { status: 429 }, 429],
  ] as const)("with %s is told the failure", async (_, fault, status) => {
    await using lab = await startLab();
    lab.hosted.fault(fault);

    expect(await lab.ask("HEAD", "/v2/public/app/manifests/1", pushing)).toMatchObject({
      status,
      heard: ["hosted"],
    });
  });

  it("is asked to log in if every client may pull and users push: containerd sends no credentials unasked", async () => {
    const rules: RuleConfig[] = [{ ...quiet, access: { pull: "anonymous", push: "authenticated" } }];
    await using lab = await startLab({ router: { rules, authorize: users } });
    const target = "/v2/public/app/manifests/1";

    const before = await lab.send("HEAD", target, pushing);
    const user = await lab.ask("HEAD", target, { ...pushing, Authorization: asUser("alice") });

    expect([before.status, before.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringMatching(/^Bearer /),
    ]);
    expect(user).toMatchObject({ status: 404, by: "hosted", heard: ["hosted"] });
    for (const headers of [pulling, crane]) {
      expect(await lab.ask("HEAD", target, headers)).toMatchObject({ status: 200, by: "proxy" });
    }
  });

  it("with passthrough gets hosted's own challenge, and no proxy hears of it", async () => {
    await using lab = await startLab({
      hosted: { auth: "passthrough", registry: { auth: { username: "u", password: "p" } } },
    });

    expect(await lab.ask("HEAD", "/v2/public/app/manifests/1", pushing)).toMatchObject({
      status: 401,
      by: "hosted",
      heard: ["hosted"],
    });
  });

  it("is followed by a push that reaches hosted, with what the proxy has copied", async () => {
    await using lab = await startLab();
    const image = lab.images["public/app"];
    const bytes = lab.proxy.manifest("public/app", "1") ?? Buffer.alloc(0);
    const blobs = [image.config, ...image.layers];

    const tag = await lab.ask("HEAD", "/v2/public/app/manifests/1", pushing);
    const heads = await Promise.all(
      blobs.map(({ digest }) => lab.send("HEAD", `/v2/public/app/blobs/${digest}`, pushing)),
    );
    const put = await putManifest(lab.router, "public/app", "1", bytes);
    const again = await lab.ask("HEAD", "/v2/public/app/manifests/1", pushing);

    expect([tag.status, ...heads.map(({ status }) => status), put.status]).toEqual([
      404,
      ...blobs.map(() => 200),
      201,
    ]);
    expect(lab.hosted.hasManifest("public/app", "1")).toBe(true);
    expect(blobs.map(({ digest }) => lab.hosted.hasBlob("public/app", digest))).toEqual(
      blobs.map(() => true),
    );
    expect(again).toMatchObject({ status: 200, by: "hosted", heard: ["hosted"] });
  });
});

describe("a HEAD while only a proxy fails", () => {
  const failures = [
    ["500", { status: 500 }, 502],
    ["503", { status: 503 }, 502],
    ["429", { status: 429, headers: { "Retry-After": "7" } }, 429],
    ["a reset", { reset: true }, 502],
    ["silence", { hang: true }, 504],
  ] as const;

  it.each(failures)("of a tag by a client that pulls is told it: %s", async (_, fault, status) => {
    await using lab = await startLab();
    lab.proxy.fault(fault);

    expect(await lab.ask("HEAD", "/v2/none/app/manifests/1", pulling)).toMatchObject({
      status,
      warned: false,
    });
    expect(await lab.ask("HEAD", "/v2/private/app/manifests/1", pulling)).toMatchObject({
      status: 200,
      by: "hosted",
    });
  });

  const mayPush = [
    ["a blob", `/v2/none/app/blobs/${none}`, pulling],
    ["a digest", `/v2/none/app/manifests/${none}`, pulling],
    ["a digest, without Accept", `/v2/none/app/manifests/${none}`, {}],
    ["a tag, by go-containerregistry", "/v2/none/app/manifests/1", crane],
  ] as const;

  it.each(mayPush)("of %s is 404 with a Warning, so that a push goes on", async (_, target, headers) => {
    await using lab = await startLab();
    lab.proxy.fault({ status: 500 });

    expect(await lab.ask("HEAD", target, headers)).toMatchObject({ status: 404, by: "hosted", warned: true });
  });

  it.each(mayPush)("of %s is told it where nothing can be pushed", async (_, target, headers) => {
    await using lab = await startLab({ router: { rules: [{ ...quiet, push: "deny" }] } });
    lab.proxy.fault({ status: 500 });

    expect(await lab.ask("HEAD", target, headers)).toMatchObject({ status: 502, warned: false });
  });

  it("of a tag by go-containerregistry is told it if the user may not push", async () => {
    const rules: RuleConfig[] = [{ ...quiet, access: { push: ["bob"] } }];
    await using lab = await startLab({ router: { rules, authorize: users } });
    lab.proxy.fault({ status: 500 });

    const headers = { ...crane, Authorization: asUser("alice") };
    expect(await lab.ask("HEAD", "/v2/none/app/manifests/1", headers)).toMatchObject({ status: 502 });
  });
});
