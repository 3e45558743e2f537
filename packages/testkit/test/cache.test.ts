import { type Fault, startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { codesOf, send, until } from "./support/client.ts";

describe("a pull-through cache", () => {
  it("fetches once what it keeps, and asks again what a tag means", async () => {
    await using origin = await startRegistry();
    await using cache = await startRegistry({ upstream: origin.url });
    const old = origin.addImage("a", { tag: "1", layers: ["old"] });
    const layer = `/v2/a/blobs/${old.layers[0]?.digest}`;
    const digest = async () =>
      (await send(cache.url, "GET", "/v2/a/manifests/1")).headers["docker-content-digest"];

    const [first, second] = [await send(cache.url, "GET", layer), await send(cache.url, "GET", layer)];
    expect(await digest()).toBe(old.digest);
    const young = origin.addImage("a", { tag: "1", layers: ["new"] });
    expect(await digest()).toBe(young.digest);

    expect(second.body.equals(first.body)).toBe(true);
    expect(origin.requests.filter(({ path }) => path === layer)).toHaveLength(1);
    expect(JSON.parse((await send(cache.url, "GET", "/v2/_catalog")).body.toString())).toEqual({
      repositories: ["a"],
    });
  });

  it("downloads a blob that HEAD asks for", async () => {
    await using origin = await startRegistry();
    await using cache = await startRegistry({ upstream: origin.url });
    const { digest } = origin.addBlob("a", "x");

    const head = await send(cache.url, "HEAD", `/v2/a/blobs/${digest}`);

    expect([head.status, head.headers["content-length"], cache.hasBlob("a", digest)]).toEqual([
      200,
      "1",
      true,
    ]);
    expect(origin.requests.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("takes no writes, lists its upstream's tags, and has no referrers", async () => {
    await using origin = await startRegistry();
    await using cache = await startRegistry({ upstream: origin.url });
    origin.addImage("a", { tag: "1" });

    const pushed = await send(cache.url, "POST", "/v2/a/blobs/uploads/");
    const tags = await send(cache.url, "GET", "/v2/a/tags/list");
    const referrers = await send(cache.url, "GET", `/v2/a/referrers/sha256:${"0".repeat(64)}`);

    expect([pushed.status, codesOf(pushed)]).toEqual([405, ["UNSUPPORTED"]]);
    expect(JSON.parse(tags.body.toString()).tags).toEqual(["1"]);
    expect(referrers.status).toBe(404);
  });

  const troubles: [string, Fault | "away"][] = [
    ["away", "away"],
    ["answering 500", { status: 500 }],
    ["answering 429", { status: 429 }],
    ["answering 401", { status: 401 }],
    ["resetting", { reset: true }],
  ];
  it.each(troubles)(
    "hides that its upstream is %s as distribution does: 404 for a tag, 500 for a digest and a blob",
    async (_, trouble) => {
      await using origin = await startRegistry();
      await using cache = await startRegistry({ upstream: origin.url });
      const image = origin.addImage("a", { tag: "1" });
      if (trouble === "away") {
        await origin.close();
      } else {
        origin.fault(trouble);
      }

      const answers = await Promise.all(
        ["manifests/1", `manifests/${image.digest}`, `blobs/${image.config.digest}`].map((path) =>
          send(cache.url, "GET", `/v2/a/${path}`),
        ),
      );

      expect(answers.map((answer) => [answer.status, codesOf(answer)[0]])).toEqual([
        [404, "MANIFEST_UNKNOWN"],
        [500, "UNKNOWN"],
        [500, "UNKNOWN"],
      ]);
      expect((await send(cache.url, "GET", "/v2/")).status).toBe(200);
    },
  );

  it("passes a cut on, and keeps nothing of it", async () => {
    await using origin = await startRegistry();
    await using cache = await startRegistry({ upstream: origin.url });
    const { digest } = origin.addBlob("a", Buffer.alloc(100_000));
    origin.fault({ cutAt: 50_000 });

    const answer = await send(cache.url, "GET", `/v2/a/blobs/${digest}`);

    expect([answer.status, answer.complete, cache.hasBlob("a", digest)]).toEqual([200, false, false]);
  });

  it("lets go of its upstream when its client has left", async () => {
    await using origin = await startRegistry();
    await using cache = await startRegistry({ upstream: origin.url });
    const hanging = origin.fault({ hang: true });
    const client = new AbortController();
    const asked = fetch(`${cache.url}/v2/a/manifests/1`, { signal: client.signal });
    const left = expect(asked).rejects.toThrow(/abort/);
    await until("the upstream is asked", () => hanging.hits === 1);
    client.abort();
    await left;

    await until("nothing is open at the upstream", () => origin.openResponses === 0);
    expect(origin.requests).toHaveLength(1);
  });
});
