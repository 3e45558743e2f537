import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { type Watch, watchFiles } from "../../src/lifecycle/watch.ts";
import { folderWith } from "../support/folder.ts";
import { within } from "../support/within.ts";

/** Changes as they are told, one after the other. */
function watching(interval = 20) {
  const told: (readonly string[])[] = [];
  let arrived: () => void = () => undefined;
  const watch: Watch = watchFiles(
    (files) => {
      told.push(files);
      arrived();
    },
    { interval },
  );
  return {
    ...watch,
    told,
    async next(): Promise<readonly string[]> {
      if (told.length === 0) {
        await within(
          new Promise<void>((resolve) => {
            arrived = resolve;
          }),
          "a change to be noticed",
        );
      }
      return told.shift() ?? [];
    },
    [Symbol.dispose]: () => watch.stop(),
  };
}

describe("a watched file", () => {
  test("is told of when it changes", async () => {
    await using folder = await folderWith({ one: "1", two: "2" });
    using watch = watching();
    await watch.reset([folder.file("one"), folder.file("two")]);
    await writeFile(folder.file("two"), "changed");
    expect(await watch.next()).toEqual([folder.file("two")]);
  });

  test("is told of when it goes, and when it comes", async () => {
    await using folder = await folderWith({ one: "1" });
    using watch = watching();
    await watch.reset([folder.file("one")]);
    await rename(folder.file("one"), folder.file("away"));
    expect(await watch.next()).toEqual([folder.file("one")]);
    await rename(folder.file("away"), folder.file("one"));
    expect(await watch.next()).toEqual([folder.file("one")]);
  });

  test("is told of when a link above it is swapped, as Kubernetes does", async () => {
    await using folder = await folderWith({ "v1/config": "same", "v2/config": "same" });
    await symlink("v1", folder.file("..data"));
    await symlink("..data/config", folder.file("config"));
    using watch = watching();
    await watch.reset([folder.file("config")]);
    await symlink("v2", folder.file("..data_tmp"));
    await rename(folder.file("..data_tmp"), folder.file("..data"));
    expect(await watch.next()).toEqual([folder.file("config")]);
  });

  test("is told of once it has settled, however often it changed", async () => {
    const states = ["a", "b", "c", "d", "d", "d", "d"];
    let index = -1;
    const told: number[] = [];
    const settled = new Promise<void>((resolve) => {
      const watch = watchFiles(
        () => {
          told.push(index);
          watch.stop();
          resolve();
        },
        {
          interval: 5,
          look: async () => {
            index += 1;
            return states[Math.min(index, states.length - 1)] ?? "";
          },
        },
      );
      void watch.reset(["file"]);
    });
    await within(settled, "the change to be told");
    // "d" was seen at 3 first, and again at 4.
    expect(told).toEqual([4]);
  });

  test("that nobody watches any more is not told of", async () => {
    await using folder = await folderWith({ one: "1", two: "2" });
    await mkdir(folder.file("sub"));
    using watch = watching();
    await watch.reset([folder.file("one")]);
    await watch.reset([folder.file("two")]);
    await writeFile(folder.file("one"), "changed");
    await writeFile(folder.file("two"), "changed");
    expect(await watch.next()).toEqual([folder.file("two")]);
    expect(watch.told).toEqual([]);
  });
});
