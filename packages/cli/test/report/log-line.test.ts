import { describe, expect, test } from "@jest/globals";
import type { LogFormat } from "../../src/config/own-schema.ts";
import { createLog, formatted, type Log } from "../../src/logging.ts";
import { linePrinter } from "../../src/report/log-line.ts";

const request = {
  method: "GET",
  path: "/v2/team/app/manifests/1",
  route: "manifest",
  repository: "team/app",
  status: 200,
  complete: true,
  upstream: "hosted",
  reason: "found; proxy not found",
  durationMs: 3.2,
  bytesToClient: 1234,
  bytesFromClient: 0,
  client: "192.0.2.1",
};

/** What is written of the lines that a program logs. */
async function written(
  format: LogFormat,
  isTerminal: boolean,
  write: (log: Log) => void,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  write(createLog("info", await formatted(stream, format, isTerminal)));
  return lines;
}

test.each<[LogFormat, boolean, "JSON" | "text"]>([
  ["auto", false, "JSON"],
  ["auto", true, "text"],
  ["json", true, "JSON"],
  ["json", false, "JSON"],
  ["text", true, "text"],
  ["text", false, "text"],
])("the format %s, at a terminal: %s, writes %s", async (format, isTerminal, kind) => {
  const lines = await written(format, isTerminal, (log) => log.info({ signal: "SIGTERM" }, "stopped"));

  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]+\n$/);
  expect(lines[0]?.startsWith('{"level":"info","time":"')).toBe(kind === "JSON");
});

describe("as text", () => {
  const text = (write: (log: Log) => void) => written("text", false, write);

  test("a request is one sentence with who answered it and why", async () => {
    const [line] = await text((log) => log.info(request, "request"));
    expect(line).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: GET \/v2\/team\/app\/manifests\/1 200 \| hosted: found; proxy not found \| 3\.2 ms, 192\.0\.2\.1\n$/,
    );
  });

  test("an answer that broke off, a user and a worker are named", async () => {
    const [line] = await text((log) =>
      log.child({ worker: 2 }).info({ ...request, complete: false, user: "alice" }, "request"),
    );
    expect(line).toContain("200, not complete | hosted");
    expect(line).toMatch(/3\.2 ms, alice at 192\.0\.2\.1 \{"worker":2\}\n$/);
  });

  test("other lines keep their fields", async () => {
    const [line] = await text((log) => log.warn({ client: "192.0.2.1", user: "mallory" }, "wrong password"));
    expect(line).toMatch(/ WARN: wrong password \{"client":"192\.0\.2\.1","user":"mallory"\}\n$/);
  });

  test("an unexpected error has its stack", async () => {
    const lines = await text((log) => log.error({ err: new Error("a bug") }, "request failed"));
    expect(lines.join("")).toMatch(/a bug[\s\S]*log-line\.test\.ts:\d+/);
  });

  test("nothing that a client sends reaches the terminal as a control character", async () => {
    const evil = "\u001b[2J\u009b31m\r\n\u0007\u007f";
    const lines = await text((log) => {
      log.info({ ...request, user: evil, path: evil }, "request");
      log.warn({ user: evil }, "wrong password");
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    expect(lines.map((line) => line.slice(0, -1)).join("")).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    expect(lines).toHaveLength(2);
  });

  test("colours appear only where they are wanted", () => {
    const line = '{"level":"warn","time":"2026-11-28T05:13:35.053Z","msg":"hello"}\n';
    expect(linePrinter(false)(line)).not.toContain("\u001b");
    expect(linePrinter(true)(line)).toContain("\u001b[33m");
  });
});
