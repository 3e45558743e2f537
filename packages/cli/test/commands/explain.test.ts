import { beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { openLab } from "../support/lab.ts";

beforeAll(build, 120_000);

const rules = [{ match: "corp/**", pull: ["hosted"] }];

describe("explain", () => {
  test("says which rule, who said what, who serves it and where a push goes, and ends with 0", async () => {
    await using lab = await openLab({ rules });

    const { code, out, err } = await lab.run(["explain", "corp/secret:1"]);

    expect({ code, err }).toEqual({ code: 0, err: "" });
    const lines = out.split("\n").map((line) => line.trim().replace(/ +/g, " "));
    expect(lines).toContain("corp/secret:1");
    expect(lines).toContain("rule rules[0]: match corp/**; pull hosted; shadow warn");
    expect(lines).toContain("pull from hosted: hosted is asked first");
    expect(lines).toContain("push to hosted: rules[0] says push: hosted");
    expect(lines).toContain("not asked proxy the rule's pull does not list it");
    expect(out).toMatch(/hosted +HEAD corp\/secret +found +200 +[\d.]+ ms +sha256:[0-9a-f]{12} /);
    expect(lab.proxy.requests).toEqual([]);
  });

  test("ends with 1 if no upstream has it", async () => {
    await using lab = await openLab();

    const { code, out } = await lab.run(["explain", "team/none"]);

    expect(code).toBe(1);
    expect(out).toMatch(/pull +404: proxy not found, hosted not found/);
  });

  test("ends with 1 and the cause if an upstream that could have it fails", async () => {
    await using lab = await openLab();
    await lab.proxy.close();

    const { code, out } = await lab.run(["explain", "team/none"]);

    expect(code).toBe(1);
    expect(out).toMatch(/pull +502: proxy failed \(connection refused\), hosted not found/);
    expect(out).toMatch(/-> proxy failed \(connection refused\)/);
  });

  test("prints JSON for programs", async () => {
    await using lab = await openLab();

    const { code, out } = await lab.run(["explain", "team/app:1.2", "--json"], { FORCE_COLOR: "1" });

    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      repository: "team/app",
      reference: "1.2",
      rule: { name: "the default rule" },
      upstreams: [{ name: "proxy" }, { name: "hosted" }],
      pull: { from: "proxy", status: 200 },
      push: { to: "hosted" },
      shadowing: [{ hosted: { name: "hosted" }, proxy: { name: "proxy" } }],
    });
  });

  test.each([
    [["explain", "Team/App"], 'the image name "Team/App" has upper case in its repository'],
    [["explain", "app@sha256:12"], 'has an invalid digest, "sha256:12"'],
    [["explain"], "missing required argument 'image'"],
    [["explain", "a", "b"], "too many arguments"],
    [["explain", "a", "--jsno"], "unknown option '--jsno'"],
    [["explain", "a", "--hosted", "nowhere"], "option --hosted: expected"],
  ])("%j is bad usage: 2, and a sentence", async (argv, sentence) => {
    await using lab = await openLab();

    const { code, out, err } = await lab.run(argv);

    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(sentence);
  });

  test("takes the options of serve, wherever they stand", async () => {
    await using lab = await openLab();

    const before = await lab.run(["--proxy", lab.hosted.url, "explain", "corp/secret:1", "--json"]);
    const after = await lab.run(["explain", "corp/secret:1", "--json", "--proxy", lab.hosted.url]);

    expect([before, after].map(({ out }) => JSON.parse(out).pull.from)).toEqual(["proxy", "proxy"]);
  });

  test("has colours where they are forced, and none into a pipe or with NO_COLOR", async () => {
    await using lab = await openLab();
    const coloured = async (environment: NodeJS.ProcessEnv) =>
      (await lab.run(["explain", "team/app:1.2"], environment)).out.includes("\u001b[");

    expect(await coloured({ FORCE_COLOR: "1" })).toBe(true);
    expect(await coloured({})).toBe(false);
    expect(await coloured({ NO_COLOR: "1" })).toBe(false);
  });

  test("says who is let in where users are asked for", async () => {
    await using lab = await openLab({ auth: { htpasswdFile: "./none" } });

    const { out } = await lab.run(["explain", "team/app:1.2"]);

    expect(out).toMatch(/who +pull: clients that the router lets in; push: clients that the router lets in/);
  });

  test("has help with examples", async () => {
    await using lab = await openLab();

    const { code, out } = await lab.run(["explain", "--help"]);

    expect(code).toBe(0);
    expect(out).toContain("combined-registry explain team/app:1.2");
    expect(out).toContain("Exit code: 0 if an upstream has the image");
  });
});
