import { readFileSync } from "node:fs";
import { startRegistry } from "@combined-registry/testkit";
import { expect, test } from "@jest/globals";

// What stands between these two lines is the README's example, word for word.
// <example>
async function platformsOf(registry: string, image: string): Promise<string[]> {
  const answer = await fetch(`${registry}/v2/${image}/manifests/latest`);
  if (!answer.ok) {
    throw new Error(`${image}: ${answer.status}`);
  }
  const { manifests } = JSON.parse(await answer.text());
  return manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture);
}

test("an image's platforms are listed, and an outage is told from an empty list", async () => {
  await using registry = await startRegistry();
  registry.addImage("team/app", { tag: "latest", platforms: ["linux/amd64", "linux/arm64"] });

  expect(await platformsOf(registry.url, "team/app")).toEqual(["amd64", "arm64"]);

  registry.fault({ path: /manifests/, status: 503 });
  await expect(platformsOf(registry.url, "team/app")).rejects.toThrow("503");
  expect(registry.requests.map(({ method, path, status }) => [method, path, status])).toEqual([
    ["GET", "/v2/team/app/manifests/latest", 200],
    ["GET", "/v2/team/app/manifests/latest", 503],
  ]);
});
// </example>

test("the README's example is the one above", () => {
  const own = readFileSync(new URL(import.meta.url), "utf8");
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /\/\/ <example>\n([\s\S]*?)\/\/ <\/example>/.exec(own)?.[1] ?? "";

  expect(example.length).toBeGreaterThan(500);
  expect(readme).toContain(example);
});
