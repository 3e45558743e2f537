import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { environmentTable } from "../src/environment.ts";
import { folderWith } from "./support/folder.ts";
import { load } from "./support/load.ts";
import { runMain } from "./support/run-main.ts";

const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");

describe("the README", () => {
  test("shows a configuration that is one", async () => {
    const shown = /```yaml\n(.*?)```/s.exec(readme)?.[1];
    await using folder = await folderWith({
      "combined-registry.yaml": shown ?? "",
      "hosted-password": "secret\n",
    });
    const config = await load({ folder: folder.path });
    expect(config).toMatchObject({
      port: 5000,
      auth: { htpasswd: { path: folder.file("htpasswd") } },
      router: { hosted: { auth: { username: "router", password: "secret" } } },
    });
  });

  test("has every flag in its table of options", async () => {
    const { out } = await runMain(["--help"]);
    const flags = [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag);
    expect(flags).toContain("--htpasswd");
    const special = ["--once", "--help", "--version"];
    for (const flag of flags.filter((name) => !special.includes(name ?? ""))) {
      expect(readme).toContain(`\`${flag}`);
    }
  });

  test("has every environment variable in its table of options", () => {
    for (const variable of environmentTable.flatMap(([variables]) => variables.split(", "))) {
      expect(readme).toContain(`\`${variable}\``);
    }
  });
});
