import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isInstalled } from "@combined-registry/e2e/search-path";
import { type Arguments, readArguments, usage } from "./arguments.ts";
import { runBench } from "./bench.ts";
import { drawChart } from "./chart.ts";
import { render } from "./table.ts";

process.exitCode = await main(process.argv.slice(2));

/** @returns the exit code: 0 whatever was measured, 1 if it could not be, 2 for wrong options */
async function main(args: readonly string[]): Promise<number> {
  let read: Arguments;
  try {
    read = readArguments(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}`);
    return 2;
  }
  if (process.platform !== "linux" || !isInstalled("docker-registry")) {
    process.stderr.write("the benchmark needs Linux and docker-registry (apt-get install docker-registry)\n");
    return 1;
  }
  // Ends after the work under way, so that nothing stays behind.
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => abort.abort(new Error(`ended by ${signal}`)));
  }
  try {
    await runAndReport(read, abort.signal);
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

async function runAndReport({ sizes, out, against }: Arguments, abort: AbortSignal): Promise<void> {
  const begun = performance.now();
  const say = (line: string) =>
    void process.stderr.write(`${Math.round((performance.now() - begun) / 1000)} s: ${line}\n`);
  const results = await runBench(sizes, say, abort, against);
  const folder = resolve(out);
  const text = render(results);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "results.json"), `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(join(folder, "table.md"), `${text}\n`);
  await writeFile(join(folder, "chart.svg"), drawChart(results));
  process.stdout.write(`${text}\n`);
  say(`written to ${folder}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
