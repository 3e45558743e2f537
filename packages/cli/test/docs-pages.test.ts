import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { folderWith } from "./support/folder.ts";
import { load } from "./support/load.ts";

const mark = "<!-- checked by packages/cli/test/docs-pages.test.ts -->\n";

async function shown(page: string, language: string): Promise<string[]> {
  const text = await readFile(new URL(`../../../docs/${page}.md`, import.meta.url), "utf8");
  return [...text.matchAll(new RegExp(`${mark}\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(
    ([, block = ""]) => block,
  );
}

const pages = ["getting-started", "migration-from-group-repositories", "migration-from-mirrors"];

describe.each(pages)("docs/%s.md", (page) => {
  test("shows configurations that are such", async () => {
    const configurations = await shown(page, "yaml");
    expect(configurations).toHaveLength(1);
    for (const text of configurations) {
      await using folder = await folderWith({ "combined-registry.yaml": text });
      const environment = { NEXUS_PASSWORD: "secret" };
      const { router } = await load({ folder: folder.path, environment });
      expect(router.proxy).toBeDefined();
    }
  });
});

test("what docker is told of a mirror is JSON", async () => {
  const [text = ""] = await shown("migration-from-mirrors", "json");

  expect(JSON.parse(text)).toEqual({ "registry-mirrors": ["https://registry.example.com"] });
});
