import { readdir, readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { init } from "../../src/commands/init.ts";
import { folderWith } from "../support/folder.ts";
import { load } from "../support/load.ts";
import { runMain } from "../support/run-main.ts";
import { within } from "../support/within.ts";

const upstreams = ["--hosted", "http://registry:5000", "--proxy", "hub=http://cache:5000"];
const input = () => Readable.from(["wonderland\n"]);

describe("init", () => {
  test.each(["a$b", `\${HOME}`, `$\${a}`, `$$\${a}$\${`, `\${`])(
    "writes %s so that it is no variable",
    async (name) => {
      await using folder = await folderWith();
      const hosted = `http://registry:5000/${name}`;

      const { code, err } = await runMain(["init", "--proxy", "http://p:1", "--hosted", hosted], {
        folder: folder.path,
      });

      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect((await load({ folder: folder.path })).router.hosted).toBe(hosted);
    },
  );

  test("asks nothing where the user's name will not do", async () => {
    await using folder = await folderWith();
    const asked = () => {
      throw new Error("asked for a password");
    };

    const refused = init(
      {
        command: "init",
        flags: new Map(),
        configFile: undefined,
        force: false,
        yes: false,
        user: "a:b",
        passwordFromInput: false,
      },
      { environment: {}, folder: folder.path, print: () => undefined, asks: true, input: asked },
    );

    await expect(within(refused, "a refusal", 5_000)).rejects.toThrow(
      "option --user: expected a name without a colon",
    );
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("does not look at the password where the user's name will not do", async () => {
    await using folder = await folderWith();
    const { code, err } = await runMain(["init", ...upstreams, "--user", "", "--password-stdin"], {
      folder: folder.path,
      input: () => {
        throw new Error("read a password");
      },
    });
    expect(code).toBe(2);
    expect(err).toContain("option --user: expected a name without a colon");
  });

  test("leaves no file of users behind where the configuration cannot be written", async () => {
    await using folder = await folderWith({ "read/me": "" });
    const argv = [
      "init",
      ...upstreams,
      "--config",
      "none/router.yaml",
      "--user",
      "alice",
      "--password-stdin",
    ];

    const { code, out, err } = await runMain(argv, { folder: folder.path, input });

    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("none/router.yaml cannot be written (no such file)");
    expect(await readdir(folder.path)).toEqual(["read"]);
  });

  test.each([
    ["a new one", [], []],
    ["one that is there, and --force", ["--force"], ["users.yaml"]],
    ["a new one with a first user, and --force", ["--force", "--user", "alice", "--password-stdin"], []],
  ])("refuses one file for users and configuration: %s", async (_, more, there) => {
    await using folder = await folderWith(Object.fromEntries(there.map((name) => [name, "bob:x\n"])));
    const argv = ["init", ...upstreams, "--config", "users.yaml", "--htpasswd", "./users.yaml", ...more];

    const { code, err } = await runMain(argv, { folder: folder.path, input });

    expect(code).toBe(2);
    expect(err).toContain("auth.htpasswdFile: expected another file than the configuration");
    expect(await readdir(folder.path)).toEqual(there);
    for (const name of there) {
      expect(await readFile(folder.file(name), "utf8")).toBe("bob:x\n");
    }
  });

  test("leaves the file of users that is there where the configuration cannot be written", async () => {
    await using folder = await folderWith({ htpasswd: "bob:x\n" });
    const argv = ["init", ...upstreams, "--config", "none/router.yaml", "--htpasswd", "htpasswd"];

    expect((await runMain(argv, { folder: folder.path })).code).toBe(1);
    expect(await readFile(folder.file("htpasswd"), "utf8")).toBe("bob:x\n");
  });
});
