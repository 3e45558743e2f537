import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { type BeforeRead, loadWatched } from "../../src/lifecycle/watch.ts";
import { type Folder, folderWith } from "../support/folder.ts";
import { watching } from "../support/watching.ts";

/** Reads files one after the other, as a configuration is read that names them, and does something after each. */
function reader(
  folder: Folder,
  names: readonly string[],
  then: (name: string) => Promise<void> | void = () => {},
) {
  return async (beforeRead: BeforeRead): Promise<string> => {
    let content = "";
    for (const name of names) {
      await beforeRead(folder.file(name));
      content += await readFile(folder.file(name), "utf8");
      await then(name);
    }
    return content;
  };
}

describe("what is loaded from files", () => {
  test.each(["one", "two"])("is told to have changed if %s does just after it was read", async (changing) => {
    await using folder = await folderWith({ one: "1", two: "2" });
    using watch = watching();
    const change = async (name: string) => {
      if (name === changing) {
        await writeFile(folder.file(name), "longer");
      }
    };

    expect(await loadWatched(watch, reader(folder, ["one", "two"], change), () => true)).toBe("12");
    expect(await watch.next()).toEqual([folder.file(changing)]);
  });

  test("is loaded once if nothing changes, and what changed before it was read is nothing new", async () => {
    await using folder = await folderWith({ one: "1", two: "2" });
    using watch = watching();
    let loads = 0;
    const load = async (beforeRead: BeforeRead) => {
      loads += 1;
      const change = (name: string) => (name === "one" ? writeFile(folder.file("two"), "longer") : undefined);
      return reader(folder, ["one", "two"], change)(beforeRead);
    };

    expect(await loadWatched(watch, load, () => true)).toBe("1longer");
    await writeFile(folder.file("one"), "changed");

    expect(await watch.next()).toEqual([folder.file("one")]);
    expect([loads, watch.told]).toEqual([1, []]);
  });

  test("is no longer watched where it does not count any more", async () => {
    await using folder = await folderWith({ old: "1", new: "2" });
    using watch = watching();
    await loadWatched(watch, reader(folder, ["old"]), () => true);
    await loadWatched(watch, reader(folder, ["new"]), () => true);
    await writeFile(folder.file("old"), "changed");
    await writeFile(folder.file("new"), "changed");

    expect(await watch.next()).toEqual([folder.file("new")]);
    expect(watch.told).toEqual([]);
  });

  test("is not watched if that is not wanted", async () => {
    await using folder = await folderWith({ old: "1", one: "2", other: "3" });
    using watch = watching();
    await loadWatched(watch, reader(folder, ["old"]), () => true);
    await loadWatched(watch, reader(folder, ["one"]), () => false);
    await watch.also(folder.file("other"));
    for (const name of ["old", "one", "other"]) {
      await writeFile(folder.file(name), "changed");
    }

    expect(await watch.next()).toEqual([folder.file("other")]);
    expect(watch.told).toEqual([]);
  });
});

describe("what cannot be loaded", () => {
  test.each([
    ["what was missing comes", "missing"],
    ["what was wrong changes", "wrong"],
    ["what was in use before changes", "used"],
  ])("is told of when %s", async (_, changing) => {
    await using folder = await folderWith({ used: "1", wrong: "2" });
    using watch = watching();
    await loadWatched(watch, reader(folder, ["used"]), () => true);

    await expect(loadWatched(watch, reader(folder, ["wrong", "missing"]), () => true)).rejects.toThrow(
      "ENOENT",
    );
    await writeFile(folder.file(changing), "changed");

    expect(await watch.next()).toEqual([folder.file(changing)]);
  });

  test("is not watched if that is not wanted", async () => {
    await using folder = await folderWith({ one: "1", other: "2" });
    using watch = watching();
    const load = reader(folder, ["one", "missing"]);
    await expect(loadWatched(watch, load, () => false)).rejects.toThrow("ENOENT");
    await watch.also(folder.file("other"));
    for (const name of ["one", "missing", "other"]) {
      await writeFile(folder.file(name), "changed");
    }

    expect(await watch.next()).toEqual([folder.file("other")]);
    expect(watch.told).toEqual([]);
  });
});
