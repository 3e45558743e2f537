import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { verify } from "@node-rs/bcrypt";
import { parse, parseDocument } from "yaml";
import { bySchema } from "../reference/judges.ts";
import { type Folder, folderWith } from "../support/folder.ts";
import { load } from "../support/load.ts";
import { type RunOptions, runMain } from "../support/run-main.ts";

const upstreams = ["--hosted", "http://registry:5000", "--proxy", "hub=http://cache:5000"];
const file = "combined-registry.yaml";

async function init(folder: Folder, argv: readonly string[] = [], options: RunOptions = {}) {
  return runMain(["init", ...argv], { folder: folder.path, ...options });
}

const written = (folder: Folder) => readFile(folder.file(file), "utf8");

describe("init", () => {
  test("writes what the options say, with what they mean, and says what to do next", async () => {
    await using folder = await folderWith();

    const { code, out, err } = await init(folder, [...upstreams, "--port", "443", "--drain-timeout", "60"]);

    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^wrote combined-registry.yaml\n\nNext:\n {2}combined-registry check /);
    expect(parse(await written(folder))).toEqual({
      base: "hosted",
      hosted: "http://registry:5000",
      proxy: [{ name: "hub", url: "http://cache:5000" }],
      port: 443,
      drain: { timeout: 60_000 },
    });
    expect(await written(folder)).toContain("# The private registry that people push to");
    expect(await load({ folder: folder.path })).toMatchObject({ port: 443, drain: { timeout: 60_000 } });
    expect(await readdir(folder.path)).toEqual([file]);
  });

  test("writes options that are not set as comments, each of which is right without its #", async () => {
    await using folder = await folderWith();
    await init(folder, upstreams);

    const all = (await written(folder)).replace(/^#(?=\w)/gm, "");

    const config: unknown = parse(all);
    expect(Object.keys(Object(config))).toContain("trustProxy");
    expect(bySchema(config)).toEqual({ refused: [] });
    await writeFile(folder.file(file), all);
    expect(await load({ folder: folder.path })).toMatchObject({ logLevel: "info" });
  });

  test("takes the environment of the nginx router", async () => {
    await using folder = await folderWith();
    const environment = {
      HOSTED_HOSTNAME: "hosted.example.com",
      HOSTED_URL: "http://registry:5000",
      PROXY_HOSTNAME: "cache:5000",
      AGGREGATE_HOSTNAME: "registry.example.com",
      ENABLE_AUTH: "true",
    };

    const { code, out } = await init(folder, ["--yes"], { environment });

    expect(code).toBe(0);
    expect(parse(await written(folder))).toEqual({
      base: "hosted",
      hosted: { url: "http://registry:5000", hosts: ["hosted.example.com"] },
      proxy: "http://cache:5000",
      auth: { htpasswdFile: "/etc/nginx/htpasswd", realm: "registry.example.com" },
    });
    const [started, before] = await Promise.all([
      load({ folder: folder.path }),
      load({ folder: "/nonexistent", environment }),
    ]);
    expect(started.router).toEqual({ ...before.router, base: "hosted" });
    expect({ ...started.auth, htpasswd: started.auth?.htpasswd.path }).toEqual({
      ...before.auth,
      htpasswd: before.auth?.htpasswd.path,
    });
    expect(out).toContain("htpasswd -B -c /etc/nginx/htpasswd");
  });

  test("makes a file of users with a first one", async () => {
    await using folder = await folderWith();
    const input = () => Readable.from(["wonder:land\n"]);
    const argv = [...upstreams, "--user", "alice", "--password-stdin"];

    const { code, out } = await init(folder, argv, {
      input,
      environment: { AGGREGATE_HOSTNAME: "example.com" },
    });

    expect(code).toBe(0);
    expect(out).toContain("wrote htpasswd, with the user alice\n");
    expect(parse(await written(folder)).auth).toEqual({ htpasswdFile: "./htpasswd", realm: "example.com" });
    expect((await stat(folder.file("htpasswd"))).mode & 0o777).toBe(0o600);
    const [user, hash = ""] = (await readFile(folder.file("htpasswd"), "utf8")).trim().split(":");
    expect(user).toBe("alice");
    expect(await verify("wonder:land", hash)).toBe(true);
    expect(await verify("wonder:land\n", hash)).toBe(false);
  });

  test("file names are as seen from the folder of the file", async () => {
    await using folder = await folderWith({ "etc/x": "", htpasswd: "a:b" });

    const argv = [
      "--config",
      "etc/router.yaml",
      "--htpasswd",
      "htpasswd",
      "--tls-cert",
      "/tls/c",
      "--tls-key",
      "etc/k",
    ];
    const { code, out } = await init(folder, [...upstreams, ...argv]);

    expect(code).toBe(0);
    expect(parse(await readFile(folder.file("etc/router.yaml"), "utf8"))).toMatchObject({
      auth: { htpasswdFile: "../htpasswd" },
      tls: { certFile: "/tls/c", keyFile: "./k" },
    });
    expect(out).toContain("combined-registry check --config etc/router.yaml");
    expect(out).not.toContain("htpasswd -B");
  });

  test("tells editors of the schema where the package is installed", async () => {
    await using folder = await folderWith({ "node_modules/combined-registry/schema.json": "{}" });
    await init(folder, upstreams);
    expect((await written(folder)).split("\n")[0]).toBe(
      "# yaml-language-server: $schema=./node_modules/combined-registry/schema.json",
    );
  });

  test("writes over nothing without --force", async () => {
    await using folder = await folderWith({ [file]: "host: here\n", htpasswd: "users\n" });

    const refused = await init(folder, upstreams);
    const stillRefused = await init(folder, [...upstreams, "--force", "--user", "a", "--password-stdin"]);
    expect([refused.code, stillRefused.code]).toEqual([2, 2]);
    expect(refused.err).toContain("combined-registry.yaml exists and is not changed (--force");
    expect(stillRefused.err).toContain("option --user: expected no htpasswd file yet");
    expect(await written(folder)).toBe("host: here\n");

    expect((await init(folder, [...upstreams, "--force"])).code).toBe(0);
    expect(parseDocument(await written(folder)).get("hosted")).toBe("http://registry:5000");
    expect(await readFile(folder.file("htpasswd"), "utf8")).toBe("users\n");
  });

  test.each<[string, readonly string[], string]>([
    ["without upstreams", [], "no upstream registries: give their URLs with --hosted and --proxy"],
    [
      "with what serve would refuse",
      [...upstreams, "--port", "http"],
      "option --port: expected a port number",
    ],
    [
      "with a URL that is none",
      ["--hosted", "here", "--proxy", "http://x"],
      "option --hosted: expected a URL",
    ],
    [
      "as a script",
      [...upstreams, "--config", "router.mjs"],
      "expected a file ending in .yaml or .yml to write",
    ],
    ["with a user and no password", [...upstreams, "--user", "alice"], "expected --password-stdin as well"],
    ["with a password and no user", [...upstreams, "--password-stdin"], "expected --user as well"],
    [
      "with an empty password",
      [...upstreams, "--user", "alice", "--password-stdin"],
      "the password: expected",
    ],
    [
      "with a user of two parts",
      [...upstreams, "--user", "a:b", "--password-stdin"],
      "option --user: expected a name",
    ],
  ])("writes nothing %s", async (_, argv, sentence) => {
    await using folder = await folderWith();

    const { code, err } = await init(folder, argv);

    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("fails with 1 where it cannot write, and leaves nothing behind", async () => {
    await using folder = await folderWith();
    const { code, err } = await init(folder, [...upstreams, "--config", "none/router.yaml"]);
    expect(code).toBe(1);
    expect(err).toContain("none/router.yaml cannot be written (no such file)");
    expect(await readdir(folder.path)).toEqual([]);
  });
});
