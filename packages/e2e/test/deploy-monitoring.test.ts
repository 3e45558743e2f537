import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@combined-registry/deadline";
import { startRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { checkout } from "../src/checkout.ts";
import { request } from "../src/http.ts";
import { describeE2E } from "../src/programs.ts";
import { startPrometheus } from "../src/prometheus.ts";
import { metricsOn, namesIn } from "../src/promql.ts";
import { Resources } from "../src/resources.ts";
import { startRouter } from "../src/router.ts";
import { run } from "../src/run.ts";
import { searchPath } from "../src/search-path.ts";

const example = (file: string) => join(checkout, "examples/monitoring", file);
const read = (file: string) => readFile(example(file), "utf8");
const job = "combined-registry";

/** A query, and the labels that its words for people use. */
interface Used {
  readonly name: string;
  readonly query: string;
  readonly said: readonly string[];
}

async function alerts(): Promise<Used[]> {
  const { groups }: { groups: { rules: { alert: string; expr: string; annotations: object }[] }[] } = parse(
    await read("alerts.yml"),
  );
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, annotations }) => ({
      name: alert,
      query: expr,
      said: labelsSaid(JSON.stringify(annotations), /\$labels\.(\w+)/g),
    })),
  );
}

async function panels(): Promise<Used[]> {
  const dashboard: {
    panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[];
  } = JSON.parse(await read("dashboard.json"));
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      name: title,
      query: expr.replaceAll("$job", job).replaceAll("$__rate_interval", "1m"),
      said: labelsSaid(legendFormat, /\{\{(\w+)\}\}/g),
    })),
  );
}

function labelsSaid(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, label = ""]) => label);
}

describeE2E("what is for Prometheus and Grafana", ["prometheus", "promtool"], () => {
  const resources = new Resources();
  let folder: string;
  let origin: string;
  let page: string;

  beforeAll(async () => {
    folder = await resources.folder();
    const hub = resources.use(await startRegistry({ rateLimit: { pulls: 100 } }));
    const hosted = resources.use(await startRegistry());
    const { digest } = hub.addImage("library/tool", { tag: "1.0", layers: ["tool"] });
    hosted.addImage("team/app", { tag: "1.0" });
    const config = {
      host: "127.0.0.1",
      workers: 2,
      hosted: hosted.url,
      // Nobody listens at the second one.
      proxy: [
        { name: "dockerhub", url: hub.url },
        { name: "ghcr", url: "http://127.0.0.1:1" },
      ],
    };
    const file = join(folder, "router.json");
    await writeFile(file, JSON.stringify(config));
    ({ origin } = resources.use(await startRouter({ args: ["--config", file], folder })));
    const manifest = await request(origin, "GET", `/v2/library/tool/manifests/${digest}`);
    const { layers }: { layers: { digest: string }[] } = JSON.parse(manifest.body.toString());
    // Both workers shall have seen something.
    for (let time = 0; time < 4; time++) {
      for (const path of [
        "library/tool/manifests/1.0",
        `library/tool/manifests/${digest}`,
        `library/tool/blobs/${layers[0]?.digest}`,
        "team/app/manifests/1.0",
        "team/none/manifests/1.0",
      ]) {
        await request(origin, "GET", `/v2/${path}`);
      }
    }
    await request(origin, "PUT", "/v2/library/tool/manifests/pushed", {
      headers: { "Content-Type": manifest.headers["content-type"] },
      body: manifest.body,
    });
    page = (await request(origin, "GET", "/metrics")).body.toString();
  }, 60_000);

  afterAll(() => resources[Symbol.asyncDispose](), 30_000);

  const promtool = (...args: string[]) => run("promtool", args, { PATH: searchPath });

  it("is a configuration that Prometheus takes", async () => {
    expect(await promtool("check", "config", example("prometheus.yml"))).toContain("SUCCESS");
  }, 30_000);

  it("alerts when it should, and not before", async () => {
    await promtool("test", "rules", example("alerts.test.yml"));
    const tests = await read("alerts.test.yml");
    expect((await alerts()).filter(({ name }) => !tests.includes(`alertname: ${name}\n`))).toEqual([]);
  }, 30_000);

  describe.each([
    { what: "alerts", used: alerts },
    { what: "panels of the dashboard", used: panels },
  ])("$what", ({ used }) => {
    it("name metrics and labels that the router has", async () => {
      const known = metricsOn(page);
      const wrong = (await used()).flatMap(({ name, query, said }) => {
        const { metrics, kept } = namesIn(query);
        const labels = [...metrics.keys()].flatMap((metric) => [...(known.get(metric) ?? [])]);
        const all = new Set([...labels, "job", "instance"]);
        return [
          ...[...metrics.keys()].filter((metric) => !known.has(metric)),
          ...[...metrics.values(), kept, said].flat().filter((label) => !all.has(label)),
          ...said.filter((label) => kept.length > 0 && !kept.includes(label)),
        ].map((unknown) => `${name}: ${unknown}`);
      });

      expect(wrong).toEqual([]);
    });
  });

  it("shows something in each panel, once a Prometheus has asked this router", async () => {
    const written: { scrape_configs: { job_name: string }[] } = parse(await read("prometheus.yml"));
    const target = { static_configs: [{ targets: [new URL(origin).host] }] };
    const prometheus = resources.use(
      await startPrometheus(
        {
          global: { scrape_interval: "1s", evaluation_interval: "1s" },
          rule_files: [example("alerts.yml")],
          scrape_configs: written.scrape_configs.map((each) => ({ ...each, ...target })),
        },
        folder,
      ),
    );
    let empty: string[] = [];
    const shown = async () => {
      const said = await Promise.all(
        (await panels()).map(async ({ name, query, said }) => {
          const [series] = await prometheus.query(query);
          return series !== undefined && said.every((label) => series.metric[label] !== undefined)
            ? []
            : [name];
        }),
      );
      empty = said.flat();
      return empty.length === 0;
    };

    await until("each panel to have something to show", 30_000, shown).catch((error: Error) => {
      throw new Error(`${error.message}; nothing in ${empty.join(", ")}`);
    });
  }, 60_000);
});
