import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { beforeAll, expect, test } from "@jest/globals";
import { binary, build } from "./support/build.ts";
import { startUpstream } from "./support/upstream.ts";
import { within } from "./support/within.ts";

// `npx combined-registry explain ... | head`, with a reader that is gone before the first byte.

beforeAll(build, 120_000);

test.each<[command: string, argv: readonly string[], code: number]>([
  ["explain, of an image that nobody has,", ["explain", "team/app:1"], 1],
  ["check, with an error to report,", ["check"], 1],
  ["completion", ["completion", "bash"], 0],
  ["help", ["--help"], 0],
  ["the demo, which would otherwise go on", ["--demo", "--port", "0"], 0],
])("a reader that has enough ends %s quietly, with the usual exit code", async (_, argv, code) => {
  await using upstream = await startUpstream();
  const upstreams = argv[0] === "--demo" ? [] : ["--hosted", upstream.url, "--proxy", upstream.url];
  const child = spawn(process.execPath, [binary, ...argv, ...upstreams], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    child.stdout.destroy();
    const [[exitCode], complaint] = await within(
      Promise.all([once(child, "exit"), text(child.stderr)]),
      "the program to end",
    );
    expect({ exitCode, complaint }).toEqual({ exitCode: code, complaint: "" });
  } finally {
    child.kill("SIGKILL");
  }
});
