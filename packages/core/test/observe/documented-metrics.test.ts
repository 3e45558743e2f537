import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { startRouter } from "../support/router.ts";

const page = readFileSync(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
const prefix = "combined_registry_";
/** Several processes alone have these. */
const ofWorkers = ["workers", "workers_late", "worker_deaths_total"];

async function exposed(): Promise<string[]> {
  const metrics = { process: true };
  await using router = await startRouter({ hosted: "http://h:1", proxy: "http://p:1", metrics });
  const text = (await fetchRaw(router.url, "/metrics")).body.toString();
  return [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = ""]) => name);
}

describe("the documentation of metrics", () => {
  it("lists every metric of the router, and no others", async () => {
    const [, table = ""] = /## Metrics\n(.*?)\n## /s.exec(page) ?? [];
    const rows = [...table.matchAll(/^\| (`[^|]+`) +\|/gm)].map(([, cell = ""]) => cell);
    const listed = rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name));

    const own = (await exposed()).filter((name) => name.startsWith(prefix));
    expect(listed.sort()).toEqual([...own.map((name) => name.slice(prefix.length)), ...ofWorkers].sort());
  });

  it("recommends only metrics that exist", async () => {
    const [, section = ""] = /## Monitor\n(.*?)\n## /s.exec(page) ?? [];
    const watched = [...section.matchAll(/`((?:combined_registry|nodejs)_\w+)`/g)].map(
      ([, name = ""]) => name,
    );

    const there = [...(await exposed()), ...ofWorkers.map((name) => `${prefix}${name}`)];
    expect(watched.length).toBeGreaterThan(5);
    expect(watched.filter((name) => !there.includes(name))).toEqual([]);
  });
});
