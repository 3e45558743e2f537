import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { folderWith } from "./support/folder.ts";
import { load } from "./support/load.ts";

const page = await readFile(new URL("../../../docs/policy.md", import.meta.url), "utf8");
const recipes = [...page.matchAll(/^## (.*?)$.*?^```yaml\n(.*?)^```/gms)].map(
  ([, title = "", config = ""]) => [title, config] as const,
);

describe("docs/policy.md", () => {
  test.each(recipes)("shows a configuration for '%s' that is one", async (_, config) => {
    await using folder = await folderWith({ "combined-registry.yaml": config });

    expect((await load({ folder: folder.path })).router.rules).not.toEqual([]);
  });
});
