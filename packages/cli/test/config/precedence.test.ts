import { describe, expect, test } from "@jest/globals";
import type { ServeConfig } from "../../src/load-config.ts";
import { folderWith } from "../support/folder.ts";
import { load } from "../support/load.ts";

const file = `
hosted: http://hosted.file:1
proxy: http://proxy.file:1
host: 127.0.0.3
port: 3
logLevel: fatal
base: hosted
tls: { certFile: file.crt, keyFile: file.key }
auth: { htpasswdFile: file.htpasswd, realm: the file }
`;
const environment = {
  HOSTED_URL: "http://hosted.environment:1",
  PROXY_URL: "http://proxy.environment:1",
  HOST: "127.0.0.2",
  PORT: "2",
  LOG_LEVEL: "error",
  BASE: "any",
  HTPASSWD_FILE: "environment.htpasswd",
};
const upstreams = ["--hosted", "http://h:1", "--proxy", "http://p:1"];
const flags = [
  ...["--hosted", "http://hosted.flag:1", "--proxy", "http://proxy.flag:1"],
  ...[
    "--host",
    "127.0.0.1",
    "--port",
    "1",
    "--log-level",
    "warn",
    "--base",
    "all",
    "--htpasswd",
    "flag.htpasswd",
  ],
  ...["--tls-cert", "flag.crt", "--tls-key", "flag.key"],
];

interface Seen {
  hosted: unknown;
  proxy: unknown;
  host: string;
  port: number;
  logLevel: string;
  base: string | undefined;
  htpasswd: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

function seen(config: ServeConfig, folder: string): Seen {
  const short = (path: string | undefined) => path?.replace(`${folder}/`, "");
  return {
    hosted: config.router.hosted,
    proxy: config.router.proxy,
    host: config.host,
    port: config.port,
    logLevel: config.logLevel,
    base: config.router.base,
    htpasswd: short(config.auth?.htpasswd.path),
    cert: short(config.tls?.cert.path),
    key: short(config.tls?.key.path),
  };
}

describe("flags, environment, file and defaults", () => {
  test("defaults hold where nobody says anything", async () => {
    await using folder = await folderWith();
    expect(seen(await load({ argv: upstreams, folder: folder.path }), folder.path)).toEqual({
      hosted: "http://h:1",
      proxy: ["http://p:1"],
      host: "0.0.0.0",
      port: 5000,
      logLevel: "info",
      base: undefined,
      htpasswd: undefined,
      cert: undefined,
      key: undefined,
    });
  });

  test("the file is stronger than defaults", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": file });
    const config = await load({ folder: folder.path });
    expect(seen(config, folder.path)).toEqual({
      hosted: "http://hosted.file:1",
      proxy: "http://proxy.file:1",
      host: "127.0.0.3",
      port: 3,
      logLevel: "fatal",
      base: "hosted",
      htpasswd: "file.htpasswd",
      cert: "file.crt",
      key: "file.key",
    });
    expect(config.auth?.realm).toBe("the file");
    expect(config.file?.path).toBe(folder.file("combined-registry.yaml"));
  });

  test("the environment is stronger than the file", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": file });
    const config = await load({ environment, folder: folder.path });
    expect(seen(config, folder.path)).toEqual({
      hosted: "http://hosted.environment:1",
      proxy: "http://proxy.environment:1",
      host: "127.0.0.2",
      port: 2,
      logLevel: "error",
      base: "any",
      htpasswd: "environment.htpasswd",
      cert: "file.crt",
      key: "file.key",
    });
    expect(config.auth?.realm).toBe("the file");
  });

  test("flags are stronger than the environment and the file", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": file });
    expect(seen(await load({ argv: flags, environment, folder: folder.path }), folder.path)).toEqual({
      hosted: "http://hosted.flag:1",
      proxy: ["http://proxy.flag:1"],
      host: "127.0.0.1",
      port: 1,
      logLevel: "warn",
      base: "all",
      htpasswd: "flag.htpasswd",
      cert: "flag.crt",
      key: "flag.key",
    });
  });

  test.each([
    ["nothing", "", {}, [], undefined],
    ["the file", "statusPage: false", {}, [], false],
    ["the environment over the file", "statusPage: false", { STATUS_PAGE: "true" }, [], true],
    ["a flag over the environment", "", { STATUS_PAGE: "true" }, ["--no-status-page"], false],
    ["the other flag over it too", "statusPage: false", { STATUS_PAGE: "false" }, ["--status-page"], true],
  ])("the status page is on or off by %s", async (_, line, variables, argv, expected) => {
    await using folder = await folderWith({ "combined-registry.yaml": `${file}${line}` });
    const config = await load({ argv, environment: variables, folder: folder.path });
    expect(config.router.statusPage).toBe(expected);
  });

  test("empty variables count as not set", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": file });
    const empty = Object.fromEntries(
      [...Object.keys(environment), "ENABLE_AUTH", "HOSTED_HOSTNAME"].map((name) => [name, ""]),
    );
    const config = await load({ environment: empty, folder: folder.path });
    expect(seen(config, folder.path)).toEqual(seen(await load({ folder: folder.path }), folder.path));
  });

  test("files named in a configuration file are beside it, others in the working directory", async () => {
    await using folder = await folderWith({ "etc/router.yaml": file });
    const config = await load({
      argv: ["--config", "etc/router.yaml", "--tls-key", "my.key"],
      environment: { HTPASSWD_FILE: "users" },
      folder: folder.path,
    });
    expect(config.tls?.cert.path).toBe(folder.file("etc/file.crt"));
    expect(config.tls?.key.path).toBe(folder.file("my.key"));
    expect(config.auth?.htpasswd.path).toBe(folder.file("users"));
  });

  test("a URL from outside that replaces a whole table is reported", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml":
        "hosted: { url: 'http://h:1', auth: { username: a, password: b } }\nproxy: http://p:1",
    });
    const config = await load({ environment: { HOSTED_URL: "http://other:1" }, folder: folder.path });
    expect(config.router.hosted).toBe("http://other:1");
    expect(config.warnings).toEqual([
      `environment variable HOSTED_URL replaces all of "hosted" in ${folder.file("combined-registry.yaml")}`,
    ]);
  });
});

describe("--proxy", () => {
  test("repeated, it keeps its order, and names go with URLs", async () => {
    await using folder = await folderWith();
    const argv = ["--proxy", "hub=http://a:1/x=y", "--hosted", "http://h:1", "--proxy", "http://b:1/a=b"];
    const { router } = await load({ argv, folder: folder.path });
    expect(router.proxy).toEqual([{ name: "hub", url: "http://a:1/x=y" }, "http://b:1/a=b"]);
  });
});

describe("where a configuration file is found", () => {
  const hosted = "http://found:1";
  const yaml = `hosted: ${hosted}\nproxy: http://p:1\n`;
  const json = JSON.stringify({ $schema: "./schema.json", hosted, proxy: "http://p:1" });
  test.each([
    ["combined-registry.yaml", yaml],
    ["combined-registry.yml", yaml],
    ["combined-registry.json", json],
    ["combined-registry.config.cjs", `module.exports = ${json};`],
    [".combined-registryrc", yaml],
    [".combined-registryrc.json", json],
    ["package.json", `{"name": "x", "combined-registry": ${json}}`],
  ])("%s in the working directory", async (name, content) => {
    await using folder = await folderWith({ "package.json": '{"name": "unrelated"}', [name]: content });
    const config = await load({ folder: folder.path });
    expect(config.router.hosted).toBe(hosted);
    expect(config.file?.path).toBe(folder.file(name));
  });

  test.each([
    ["does not name this program", '{"name": "unrelated"}'],
    ["says nothing under its name", '{"combined-registry": null}'],
  ])("not in a package.json that %s", async (_what, content) => {
    await using folder = await folderWith({ "package.json": content });
    expect((await load({ argv: upstreams, folder: folder.path })).file).toBeUndefined();
    await expect(
      load({ argv: [...upstreams, "--config", "package.json"], folder: folder.path }),
    ).rejects.toThrow('option --config: expected options under "combined-registry", given none');
  });

  test("not in the folders above it", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": yaml, "inner/x": "" });
    await expect(load({ folder: folder.file("inner") })).rejects.toThrow("no upstream registries");
  });

  test("--config is the only one read", async () => {
    await using folder = await folderWith({ "combined-registry.yaml": "no: such: yaml", "other.yml": yaml });
    expect((await load({ argv: ["--config", "other.yml"], folder: folder.path })).file?.path).toBe(
      folder.file("other.yml"),
    );
  });
});
