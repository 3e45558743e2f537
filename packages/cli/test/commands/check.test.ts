import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { openLab } from "../support/lab.ts";

beforeAll(build, 120_000);

const alone = { host: "127.0.0.1" };
const idsIn = (out: string, severity: string): string[] =>
  JSON.parse(out)
    .findings.filter((finding: { severity: string }) => finding.severity === severity)
    .map((finding: { id: string }) => finding.id);

describe("check", () => {
  test("ends with 0 where nothing is wrong, and says what is there", async () => {
    await using lab = await openLab({
      ...alone,
      base: "hosted",
      rules: [{ match: "corp/**", pull: ["hosted"] }],
    });

    const { code, out, err } = await lab.run(["check"]);

    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/ok +configuration +.*combined-registry\.json is valid/);
    expect(out).toMatch(
      /proxy +http:\/\/127\.0\.0\.1:\d+ +CNCF distribution 2\.x, pull-through cache +200 +[\d.]+ ms/,
    );
    expect(out).toContain("0 errors, 0 warnings, 0 hints");
  });

  test("ends with 1 for an error, with what to do about it", async () => {
    await using lab = await openLab(alone);
    await lab.proxy.close();

    const { code, out } = await lab.run(["check"]);

    expect(code).toBe(1);
    expect(out).toMatch(/error +proxy +cannot be used at http:\/\/127\.0\.0\.1:\d+: connection refused/);
    expect(out).toMatch(/-> start it, or correct the port in proxy\.url/);
    expect(out).toContain("1 error, 1 warning, 1 hint");
  });

  test("prints JSON for programs", async () => {
    await using lab = await openLab(alone);

    const { code, out } = await lab.run(["check", "--json"], { FORCE_COLOR: "1" });

    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      upstreams: [
        { name: "hosted", url: lab.hosted.url, deletes: true },
        { name: "proxy", cache: true },
      ],
    });
    expect([idsIn(out, "hint"), idsIn(out, "warning")]).toEqual([["proxy-first"], ["base-all"]]);
  });

  test.each([
    [{ rules: [{ match: "a", pull: ["nobody"] }] }, "rules[0].pull[0]"],
    [{ unknown: 1 }, 'no option "unknown"'],
    [{ auth: { htpasswdFile: "./missing" } }, "missing"],
    [{ tls: { certFile: "./missing", keyFile: "./missing" } }, "missing"],
  ])("%j is refused as serve refuses it: 2, and nobody is asked", async (config, sentence) => {
    await using lab = await openLab(config);

    const checked = await lab.run(["check"]);
    const served = await lab.run(["serve", "--port", "0"]);

    expect(checked.code).toBe(2);
    expect(checked.err).toContain(sentence);
    expect(checked.err).toBe(served.err);
    expect(lab.hosted.requests).toEqual([]);
  });

  test("opens no port", async () => {
    await using lab = await openLab(alone);
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;

    const { code } = await lab.run(["check", "--port", String(port)]);
    taken.close();

    expect(code).toBe(0);
  });

  test.each<[string, object, string, string | undefined]>([
    ["everybody is let in, from everywhere", {}, "0.0.0.0", "open-to-all"],
    ["everybody is let in, from here", {}, "127.0.0.1", undefined],
    ["passwords cross the network", { auth: { htpasswdFile: "./users" } }, "0.0.0.0", "readable-passwords"],
    ["passwords do not leave this machine", { auth: { htpasswdFile: "./users" } }, "::1", undefined],
  ])("%s", async (_, config, host, expected) => {
    await using lab = await openLab({ host, ...config });
    await writeFile(lab.folder.file("users"), "alice:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n");

    const { out } = await lab.run(["check", "--json"]);

    expect(idsIn(out, "warning")).toEqual([...(expected === undefined ? [] : [expected]), "base-all"]);
  });

  test("an upstream at the address where the router is to listen is an error", async () => {
    await using lab = await openLab();

    const { code, out } = await lab.run(["check", "--json", "--port", new URL(lab.hosted.url).port]);

    expect(code).toBe(1);
    expect(idsIn(out, "error")).toEqual(["own-address"]);
  });

  test("what the configuration is warned of at start is told", async () => {
    await using lab = await openLab({ ...alone, hosted: { url: "http://127.0.0.1:1" } });

    const { out } = await lab.run(["check", "--json", "--hosted", lab.hosted.url]);

    expect(idsIn(out, "warning")).toEqual(["accepted", "base-all"]);
  });

  test("has help with examples, and takes no arguments", async () => {
    await using lab = await openLab();

    const help = await lab.run(["check", "--help"]);
    const stray = await lab.run(["check", "everything"]);

    expect(help.code).toBe(0);
    expect(help.out).toContain("combined-registry check --config combined-registry.yaml --json");
    expect(stray.code).toBe(2);
    expect(stray.err).toContain("too many arguments");
  });

  test("--demo is for neither", async () => {
    await using lab = await openLab();

    const { code, err } = await lab.run(["check", "--demo"]);

    expect(code).toBe(2);
    expect(err).toContain("options '--demo' and '--once' cannot be used with a command");
  });
});
