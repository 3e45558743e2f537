import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { loadWatched } from "../../src/lifecycle/load-watched.ts";
import { watchFiles } from "../../src/lifecycle/watch.ts";
import { folderWith } from "../support/folder.ts";
import { within } from "../support/within.ts";

describe("what is loaded from files that change at that moment", () => {
  test.each([
    ["a file known before", "one"],
    ["a file that was not known before", "two"],
  ])("is told to have changed: %s", async (_, changing) => {
    await using folder = await folderWith({ one: "1", two: "2" });
    let change: (files: readonly string[]) => void = () => undefined;
    const changed = new Promise<readonly string[]>((resolve) => {
      change = resolve;
    });
    const watch = watchFiles(change, { interval: 10 });
    let loads = 0;
    const load = async () => {
      loads += 1;
      const content = await readFile(folder.file(changing), "utf8");
      if (content.length === 1) {
        await writeFile(folder.file(changing), "longer");
      }
      return { files: [folder.file(changing)], content };
    };

    const loaded = await loadWatched(watch, [folder.file("one")], { load, filesOf: ({ files }) => files });

    if (changing === "one") {
      expect([loads, loaded.content]).toEqual([1, "1"]);
      expect(await within(changed, "the change to be told")).toEqual([folder.file("one")]);
    } else {
      // Read a second time, now that it is watched.
      expect([loads, loaded.content]).toEqual([2, "longer"]);
    }
    watch.stop();
  });
});
