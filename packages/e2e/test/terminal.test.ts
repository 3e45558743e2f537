import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRegistry } from "@combined-registry/testkit";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { describeE2E } from "../src/programs.ts";
import { program, startRouter } from "../src/router.ts";
import { startAtTerminal, type TerminalOptions } from "../src/terminal.ts";

describeE2E("at a terminal", ["script"], () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "combined-registry-terminal-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const start = (args: readonly string[], options: Partial<TerminalOptions> = {}) =>
    startAtTerminal([process.execPath, program, ...args], { folder, ...options });
  const written = () => readFile(join(folder, "combined-registry.yaml"), "utf8");

  it("init asks, says what is wrong with an answer, and writes what the router starts with", async () => {
    await using registry = await startRegistry();
    await using terminal = start(["init"]);

    await terminal.shows("Where is the private registry");
    terminal.type("registry:5000\r");
    await terminal.shows("expected a URL beginning with http:// or https://");
    terminal.type(`${"\u007f".repeat(20)}${registry.url}\r`);
    await terminal.shows("Where are the pull-through caches");
    terminal.type(`hub=${registry.url} quay=https://quay.io\r`);
    await terminal.shows("Ask clients for user and password?");
    terminal.type("y");
    await terminal.shows("In which htpasswd file");
    terminal.type("\r");
    await terminal.shows("The name of its first user?");
    terminal.type("alice\r");
    await terminal.shows("Password of alice");
    terminal.type("wonderland\r");
    await terminal.shows("Once more");
    terminal.type("wonderlnad\r");
    await terminal.shows("The passwords are different");
    await terminal.shows("Password of alice");
    terminal.type("wonderland\r");
    await terminal.shows("Once more");
    terminal.type("wonderland\r");
    await terminal.shows("Serve HTTPS here?");
    terminal.type("n");
    await terminal.shows("On which port?");
    terminal.type("\r");
    await terminal.shows("combined-registry check");

    expect(await terminal.ended()).toBe(0);
    expect(terminal.raw).not.toContain("wonderland");
    expect(await written()).toMatch(/^proxy:\n {2}- name: hub\n/m);
    expect((await stat(join(folder, "htpasswd"))).mode & 0o777).toBe(0o600);
    await using router = await startRouter({ folder });
    const base = (password: string) =>
      fetch(`${router.origin}/v2/_catalog`, {
        headers: { Authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}` },
      });
    expect((await base("wonderland")).status).toBe(200);
    expect((await base("wonderlnad")).status).toBe(401);
  }, 60_000);

  it("init asks only for what options and environment have not said", async () => {
    const env = { PROXY_HOSTNAME: "cache:5000", ENABLE_AUTH: "false" };
    await using terminal = start(["init", "--hosted", "http://registry:5000", "--port", "443"], { env });

    await terminal.shows("proxy is taken from environment variable PROXY_HOSTNAME");
    await terminal.shows("hosted is taken from option --hosted");
    await terminal.shows("Serve HTTPS here?");
    terminal.type("y");
    await terminal.shows("In which file is the certificate");
    terminal.type("\r");
    await terminal.shows("And its private key?");
    terminal.type("\r");

    expect(await terminal.ended()).toBe(0);
    expect(await written()).toMatch(/^tls:\n {2}certFile: .\/cert.pem\n {2}keyFile: .\/key.pem$/m);
  }, 60_000);

  it("init that is broken off writes nothing", async () => {
    await using terminal = start(["init"]);
    await terminal.shows("Where is the private registry");
    terminal.type("\u0003");
    await terminal.shows("nothing is written");
    expect(await terminal.ended()).toBe(1);
    await expect(written()).rejects.toThrow("ENOENT");
  }, 60_000);

  it("check says what it waits for in a line that is gone afterwards, and the demo too", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry({ upstream: hosted.url });
    await using check = start(["check", "--hosted", hosted.url, "--proxy", proxy.url]);
    await check.shows(`asking ${hosted.url} and ${proxy.url}...`);
    await check.shows("0 errors");
    expect(await check.ended()).toBe(0);
    // The last thing before the report: back to the beginning of the line, and nothing in it.
    expect(check.raw).toContain(`asking ${hosted.url} and ${proxy.url}... \r\u001b[2K  `);

    await using demo = start(["--demo", "--once", "--port", "0"]);
    await demo.shows("starting registries");
    await demo.shows("List the tags of team/app...");
    expect(await demo.ended()).toBe(0);
  }, 60_000);

  it.each(["1", "2"])(
    "the log of the router is lines to read, with %s workers",
    async (workers) => {
      await using registry = await startRegistry();
      const upstreams = ["--hosted", registry.url, "--proxy", registry.url];
      const where = ["--host", "127.0.0.1", "--port", "0", "--workers", workers];
      await using terminal = start([...upstreams, ...where], { env: { NO_COLOR: "1" } });

      await terminal.shows("INFO: listening on http://127.0.0.1:");
      const [origin = ""] = /http:\/\/127\.0\.0\.1:\d+(?= \{"hosted")/.exec(terminal.raw) ?? [];
      expect((await fetch(`${origin}/v2/`)).status).toBe(200);
      await terminal.shows("INFO: GET /v2/ 200 | router: ");
      terminal.type("\u0003");
      await terminal.shows("INFO: stopped");

      expect(await terminal.ended()).toBe(0);
      expect(terminal.raw).not.toContain('{"level"');
    },
    60_000,
  );

  it.each([
    ["NO_COLOR is set", [], { NO_COLOR: "1" }],
    ["CI is set", [], { CI: "true" }],
    ["the terminal cannot", [], { TERM: "dumb" }],
    ["JSON is wanted", ["--json"], {}],
  ])(
    "check shows no such line where %s",
    async (_, args, env) => {
      await using hosted = await startRegistry();
      await using proxy = await startRegistry({ upstream: hosted.url });
      const upstreams = ["--hosted", hosted.url, "--proxy", proxy.url];
      await using check = start(["check", ...args, ...upstreams], { env });
      expect(await check.ended()).toBe(0);
      expect(check.raw).toMatch(/0 errors|"ok": true/);
      expect(check.raw).not.toContain("asking");
      expect(check.raw).not.toContain("\u001b[2K");
    },
    60_000,
  );
});
