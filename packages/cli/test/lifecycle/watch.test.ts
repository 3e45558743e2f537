import { execFile } from "node:child_process";
import { readFile, rename, symlink, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { watchFiles } from "../../src/lifecycle/watch.ts";
import { folderWith } from "../support/folder.ts";
import { watching } from "../support/watching.ts";
import { within } from "../support/within.ts";

describe("a watched file", () => {
  test("is told of when it changes", async () => {
    await using folder = await folderWith({ one: "1", two: "2" });
    using watch = watching();
    await watch.also(folder.file("one"), folder.file("two"));
    await writeFile(folder.file("two"), "changed");
    expect(await watch.next()).toEqual([folder.file("two")]);
  });

  test("is told of when it goes, and when it comes", async () => {
    await using folder = await folderWith({ one: "1" });
    using watch = watching();
    await watch.also(folder.file("one"));
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
    await watch.also(folder.file("config"));
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
      const batch = watch.begin();
      void batch.add("file").then(() => batch.replace());
    });
    await within(settled, "the change to be told");
    // "d" was seen at 3 first, and again at 4.
    expect(told).toEqual([4]);
  });

  test("is told of once it has settled since it was read again, whatever a look from before comes back with", async () => {
    let answerLook: (state: string) => void = () => undefined;
    const looks: (() => Promise<string> | string)[] = [
      () => "old",
      () =>
        new Promise((resolve) => {
          answerLook = resolve;
          readAgain();
        }),
      () => "new",
    ];
    let index = -1;
    let tell: (index: number) => void = () => undefined;
    const told = new Promise<number>((resolve) => {
      tell = resolve;
    });
    const watch = watchFiles(() => tell(index), {
      interval: 5,
      look: async () => {
        index += 1;
        return looks[index]?.() ?? "old";
      },
    });
    const read = async () => {
      const batch = watch.begin();
      await batch.add("file");
      batch.replace();
    };
    const readAgain = () => void read().then(() => answerLook("old"));
    await read();

    // "old" was seen at 3 first since "new" was read, and again at 4.
    expect(await within(told, "the change to be told")).toBe(4);
    watch.stop();
  });

  test("that is a pipe is not told of when it is read, which changes it", async () => {
    await using folder = await folderWith({ file: "1" });
    const pipe = folder.file("pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    using watch = watching();
    await watch.also(pipe, folder.file("file"));
    await within(Promise.all([writeFile(pipe, "content"), readFile(pipe)]), "the pipe to be read");
    await writeFile(folder.file("file"), "changed");
    expect(await watch.next()).toEqual([folder.file("file")]);
    expect(watch.told).toEqual([]);
  });
});
