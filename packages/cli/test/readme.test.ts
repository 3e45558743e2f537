import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { environmentTable } from "../src/environment.ts";
import { fixture } from "./support/fixture.ts";
import { folderWith } from "./support/folder.ts";
import { load } from "./support/load.ts";
import { runMain } from "./support/run-main.ts";

const page = (name: string) => readFile(new URL(`../../../${name}`, import.meta.url), "utf8");
const readme = await page("README.md");

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

describe("the page for operators", () => {
  test("shows credentials of upstreams in a configuration that is one", async () => {
    const shown = /```yaml\n(.*?)```/s.exec(await page("docs/operations.md"))?.[1] ?? "";
    await using folder = await folderWith({
      "combined-registry.yaml": shown.replace("/run/secrets/dockerhub", "dockerhub"),
      dockerhub: "secret\n",
      "internal-ca.pem": await readFile(fixture("test-only.cert.pem"), "utf8"),
    });

    const { router } = await load({ folder: folder.path, environment: { HOSTED_PASSWORD: "other" } });

    expect(router).toMatchObject({
      hosted: { auth: { username: "router", password: "other" } },
      proxy: [
        { url: "https://registry-1.docker.io", auth: { username: "robot", password: "secret" } },
        { url: "https://quay.io" },
      ],
    });
  });
});
