import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { allowed } from "@combined-registry/deadline";
import { expect, it } from "@jest/globals";
import { describeE2E } from "../src/programs.ts";

const script = fileURLToPath(new URL("../measure/outage.mjs", import.meta.url));

describeE2E("private pulls and pushes under load", ["docker-registry"], () => {
  it("all succeed while the cache is refused, killed, stopped, or its public registry hangs, and it is used again within 15 s", async () => {
    const args = [script, "--pulls", "100", "--pushes", "10", "--headers", "500", "--no-speed"];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: allowed(110_000) });

    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(":")[0]),
    ).toEqual(["refused", "killed", "stopped", "public registry hung"]);
    expect(stdout.match(/200 pulls right/g)).toHaveLength(4);
    expect(stdout.match(/20 pushes right/g)).toHaveLength(4);
  }, 120_000);
});
