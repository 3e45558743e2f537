import { createServer } from "node:http";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { fixture } from "../support/fixture.ts";
import { folderWith } from "../support/folder.ts";
import { startProgram } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

beforeAll(build, 120_000);

/** A router with this configuration, and what `health` says of it. */
async function healthWith(config: object): Promise<{ code: number | null; err: string }> {
  await using upstream = await startUpstream();
  const written = { hosted: upstream.url, proxy: upstream.url, host: "0.0.0.0", ...config };
  await using folder = await folderWith({
    "combined-registry.json": JSON.stringify({ ...written, port: 0 }),
  });
  await using router = startProgram([], { folder: folder.path });
  const { port } = new URL(await router.url());
  await using asking = startProgram(["health", "--port", port], { folder: folder.path });
  const { code, err } = await asking.ended();
  return { code, err };
}

describe("health", () => {
  test.each([
    { what: "a router on all addresses", config: {} },
    { what: "one of a single address", config: { host: "127.0.0.1" } },
    {
      what: "one with TLS, whatever its certificate says",
      config: { tls: { certFile: fixture("test-only.cert.pem"), keyFile: fixture("test-only.key.pem") } },
    },
    { what: "one whose pages are off", config: { operations: "off" } },
  ])(
    "ends with 0 for $what",
    async ({ config }) => {
      expect(await healthWith(config)).toEqual({ code: 0, err: "" });
    },
    30_000,
  );

  test("ends with 1 and says what it asked where nothing listens", async () => {
    await using upstream = await startUpstream();
    const port = await freePort();
    const argv = ["health", "--port", String(port), "--hosted", upstream.url, "--proxy", upstream.url];
    await using asking = startProgram(argv);

    const { code, err } = await asking.ended();

    expect(code).toBe(1);
    expect(err).toContain(`http://127.0.0.1:${port}/livez: expected an answer within 5000 ms, given none`);
  });

  test("does not need the options that the router was started with", async () => {
    await using upstream = await startUpstream();
    const { port } = new URL(upstream.url);
    await using asking = startProgram(["health", "--host", "127.0.0.1", "--port", port]);

    expect(await asking.ended()).toMatchObject({ code: 0, err: "" });
  });

  test("ends with 1 if the answer is a failure", async () => {
    await using failing = await startUpstream((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    const { port } = new URL(failing.url);
    const argv = ["health", "--port", port, "--hosted", failing.url, "--proxy", failing.url];
    await using asking = startProgram(argv);

    const { code, err } = await asking.ended();

    expect(code).toBe(1);
    expect(err).toContain("expected an answer below 500, given 500");
  });

  test("ends with 2 if where to ask is wrong", async () => {
    await using asking = startProgram(["health", "--port", "99999"]);

    expect((await asking.ended()).code).toBe(2);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
