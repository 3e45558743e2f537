import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeE2E } from "@combined-registry/e2e/programs";
import { Resources } from "@combined-registry/e2e/resources";
import { program } from "@combined-registry/e2e/router";
import { run } from "@combined-registry/e2e/run";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { caddyLacks } from "../src/caddy.ts";
import { nginxLacks } from "../src/nginx.ts";
import type { Results } from "../src/results.ts";
import { flawOf } from "./support/xml.ts";

const checkout = fileURLToPath(new URL("../../../", import.meta.url));

const nginx = (["nginx error_page", "nginx + Lua"] as const).filter((name) => nginxLacks(name) === undefined);
const combiners = ["router", ...nginx, ...(caddyLacks() === undefined ? ["caddy"] : [])];
const streaming = combiners.filter((name) => name !== "nginx + Lua");
const combining = ["public-tag", "private-tag", "digest", "new-tag", "blob-1", "blob-8", "upload", "slow"];
const rows = {
  "public-tag": [...combiners, "direct"],
  "private-tag": [...combiners, "direct"],
  digest: [...combiners, "direct", "bare node"],
  "new-tag": [...combiners, "direct"],
  "blob-1": [...combiners, "direct"],
  "blob-8": [...streaming, "direct"],
  upload: [...streaming, "direct"],
  slow: streaming,
  rules: ["router, many rules", "router, 1 rule"],
  repositories: ["router, 1 rule"],
  version: ["router", "bare node"],
  listening: ["router", "bare node"],
};

describeE2E("the benchmark of two builds, in its smallest size", ["docker-registry"], () => {
  it("measures the other build in the place of other servers, and says which of the two is slower", async () => {
    const resources = new Resources();
    try {
      const folder = await resources.folder();
      const args = [
        "run",
        "--silent",
        "bench",
        "--",
        "--size",
        "tiny",
        "--out",
        folder,
        "--against",
        program,
      ];
      await run("npm", args, process.env, { folder: checkout, timeout: 120_000 });
      const results: Results = JSON.parse(await readFile(join(folder, "results.json"), "utf8"));

      expect(results.rows.map(({ id, peers }) => [id, peers.map(({ name }) => name)])).toEqual(
        [...combining, "version", "listening"].map((id) => [id, ["router", "other build"]]),
      );
      for (const { id, targets } of results.rows.filter((row) => row.id !== "new-tag")) {
        expect([id, targets.filter(({ against }) => against === "other build").length > 0]).toEqual([
          id,
          true,
        ]);
      }
    } finally {
      await resources[Symbol.asyncDispose]();
    }
  }, 130_000);
});

describeE2E("the benchmark, in its smallest size", ["docker-registry"], () => {
  const resources = new Resources();
  let folder: string;
  let printed: string;
  let results: Results;

  beforeAll(async () => {
    folder = await resources.folder();
    const temporary = await resources.folder();
    // As docs/performance.md has people type it; npm says nothing of its own.
    const args = ["run", "--silent", "bench", "--", "--size", "tiny", "--out", folder];
    const env = { ...process.env, TMPDIR: temporary };
    printed = await run("npm", args, env, { folder: checkout, timeout: 120_000 });
    results = JSON.parse(await readFile(join(folder, "results.json"), "utf8"));
    expect(await readdir(temporary)).toEqual([]);
  }, 130_000);

  afterAll(() => resources[Symbol.asyncDispose]());

  it("has every row with every peer that is installed", () => {
    const found = results.rows.map(({ id, peers }) => [id, peers.map(({ name }) => name)]);

    expect(Object.fromEntries(found)).toEqual(rows);
  });

  it("has finite figures and ratios, of the subject to every peer", () => {
    for (const { id, unit, subject, peers, ratios } of results.rows) {
      const others = peers.map(({ name }) => name).filter((name) => name !== subject);
      const metric = unit === null ? "p50" : "rate";

      expect([id, ratios.filter((ratio) => ratio.metric === metric).map(({ against }) => against)]).toEqual([
        id,
        others,
      ]);
      for (const value of [...ratios.map((ratio) => ratio.value), ...peers.map(({ median }) => median.p50)]) {
        expect([id, Number.isFinite(value) && value > 0]).toEqual([id, true]);
      }
    }
  });

  it("has counted what each combining peer asks its upstreams for", () => {
    const counted = results.rows.slice(0, 4).flatMap(({ peers }) => peers.filter(({ upstream }) => upstream));

    expect(new Set(counted.map(({ name }) => name))).toEqual(new Set(combiners));
  });

  it("says for each peer that is not there why", () => {
    expect(results.notMeasured).toEqual(
      expect.arrayContaining([expect.stringMatching(/^haproxy: not measured, /)]),
    );
    expect(results.notMeasured.filter((line) => line.startsWith("nginx"))).toHaveLength(2 - nginx.length);
  });

  it("prints the table that it writes, and a chart that is well-formed", async () => {
    const written = await readFile(join(folder, "table.md"), "utf8");
    const chart = await readFile(join(folder, "chart.svg"), "utf8");

    expect(printed).toBe(written);
    expect(flawOf(chart)).toBeUndefined();
    for (const { title } of results.rows) {
      expect(chart).toContain(title);
    }
  });
});
