import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { writeNew } from "../../src/init/write-new.ts";
import { folderWith } from "../support/folder.ts";

/** What file systems without hard links say to one. */
function refusing(code: string) {
  return async () => {
    throw Object.assign(new Error(`${code}: not here`), { code });
  };
}

describe("a new file", () => {
  test.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])(
    "is written where links are refused with %s",
    async (code) => {
      await using folder = await folderWith();
      const file = folder.file("users");

      await writeNew(file, "whole\n", { mode: 0o600, link: refusing(code) });

      expect(await readFile(file, "utf8")).toBe("whole\n");
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readdir(folder.path)).toEqual(["users"]);
    },
  );

  test("takes nothing's place where links are refused", async () => {
    await using folder = await folderWith({ users: "theirs\n" });

    const writing = writeNew(folder.file("users"), "mine\n", { link: refusing("EPERM") });

    await expect(writing).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("exists and is not changed"),
    });
    expect(await readFile(folder.file("users"), "utf8")).toBe("theirs\n");
    expect(await readdir(folder.path)).toEqual(["users"]);
  });

  test("takes the place of none that came in between", async () => {
    await using folder = await folderWith({ users: "theirs\n" });

    await expect(writeNew(folder.file("users"), "mine\n")).rejects.toMatchObject({ exitCode: 2 });

    expect(await readFile(folder.file("users"), "utf8")).toBe("theirs\n");
    expect(await readdir(folder.path)).toEqual(["users"]);
  });

  test("is not written where linking fails for another reason", async () => {
    await using folder = await folderWith();

    const writing = writeNew(folder.file("users"), "mine\n", { link: refusing("EIO") });

    await expect(writing).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining("EIO") });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test.each([false, true])(
    "leaves a draft that is somebody else's, and names it (over: %s)",
    async (over) => {
      await using folder = await folderWith();
      const draft = folder.file(`users.${process.pid}.new`);
      await writeFile(draft, "theirs\n");

      const writing = writeNew(folder.file("users"), "mine\n", { over });

      await expect(writing).rejects.toMatchObject({
        exitCode: 1,
        message: `${folder.file("users")} cannot be written (${draft} exists; delete it unless another init is running)`,
      });
      expect(await readFile(draft, "utf8")).toBe("theirs\n");
      expect(await readdir(folder.path)).toEqual([`users.${process.pid}.new`]);
    },
  );
});
