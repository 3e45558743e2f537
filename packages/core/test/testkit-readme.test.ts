import { readFileSync } from "node:fs";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRouter } from "@combined-registry/testkit";
import { expect, test } from "@jest/globals";

// What stands between these two lines is the second example of the testkit's README, word for word. It is here since the testkit does not depend on core.
// <example>
test("an image of the private registry is pulled while a proxy is down", async () => {
  await using router = await startRouter(
    (upstreams) => createCombinedRegistryHandler({ ...upstreams, lists: "merge" }),
    { proxies: { dockerhub: {}, ghcr: {} } },
  );
  router.hosted.addImage("team/app", { tag: "1.0" });
  router.proxyNamed("ghcr").fault({ status: 503 });

  const answer = await fetch(`${router.url}/v2/team/app/manifests/1.0`);

  expect([answer.status, answer.headers.get("x-combined-registry")]).toEqual([
    200,
    expect.stringContaining("hosted"),
  ]);
});
// </example>

test("the README's example is the one above", () => {
  const own = readFileSync(new URL(import.meta.url), "utf8");
  const readme = readFileSync(new URL("../../testkit/README.md", import.meta.url), "utf8");
  const example = /\/\/ <example>\n([\s\S]*?)\/\/ <\/example>/.exec(own)?.[1] ?? "";

  expect(example.length).toBeGreaterThan(500);
  expect(readme).toContain(example);
});
