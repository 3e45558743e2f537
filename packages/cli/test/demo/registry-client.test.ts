import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, test } from "@jest/globals";
import { RegistryClient } from "../../src/demo/registry-client.ts";
import { startUpstream } from "../support/upstream.ts";

const addHello = (registry: TestRegistry) =>
  registry.addImage("library/hello", { tag: "latest", platforms: ["linux/amd64", "linux/arm64"] });

describe("the demo's client", () => {
  test("pulls the image of the platform that it wants, and pushes what it pulled", async () => {
    await using registry = await startRegistry();
    const added = addHello(registry);
    const client = new RegistryClient(registry.url);
    const image = await client.pull("library/hello", "latest", "arm64");
    expect(image.manifest.digest).toBe(added.manifests[1]?.digest);
    await client.push("team/app", "1.0", image);
    expect(await client.pull("team/app", "1.0", "arm64")).toEqual(image);
    expect(await client.tags("team/app")).toEqual(["1.0"]);
  });

  test("reports what it asked, in order", async () => {
    await using registry = await startRegistry();
    addHello(registry);
    const asked: string[] = [];
    const client = new RegistryClient(registry.url, ({ method, path, status }) =>
      asked.push(`${status} ${method} ${path.replace(/sha256:.*/, "DIGEST")}`),
    );
    await client.pull("library/hello", "latest", "amd64");
    expect(asked).toEqual([
      "200 GET /v2/library/hello/manifests/latest",
      "200 GET /v2/library/hello/manifests/DIGEST",
      "200 GET /v2/library/hello/blobs/DIGEST",
      "200 GET /v2/library/hello/blobs/DIGEST",
    ]);
  });

  test("takes no blob for another", async () => {
    await using registry = await startRegistry();
    addHello(registry);
    registry.fault({ path: /\/blobs\//, status: 200, body: "something else" });
    await expect(new RegistryClient(registry.url).pull("library/hello", "latest", "amd64")).rejects.toThrow(
      /expected sha256:[0-9a-f]{64}, got sha256:/,
    );
  });

  test("names the request that was not answered as it should be", async () => {
    await using registry = await startRegistry();
    await expect(new RegistryClient(registry.url).tags("a/b")).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining("GET /v2/a/b/tags/list: expected status 200, got 404: {"),
    });
  });

  test("names the request that was not answered at all", async () => {
    const registry = await startUpstream();
    await registry[Symbol.asyncDispose]();
    await expect(new RegistryClient(registry.url).tags("a/b")).rejects.toThrow(
      /^GET \/v2\/a\/b\/tags\/list: .*ECONNREFUSED/,
    );
  });
});
