import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "@combined-registry/e2e/daemon";
import { program, startRouter } from "@combined-registry/e2e/router";
import { run } from "@combined-registry/e2e/run";
import { searchPath } from "@combined-registry/e2e/search-path";
import type { Lab } from "./lab.ts";
import { inTurn, rowOf } from "./measure.ts";
import { launchBareServer, type PeerName } from "./peers.ts";
import type { Row, Sample, Target } from "./results.ts";

interface Start {
  readonly name: PeerName;
  /** Starts it and waits for what is timed. @returns what then ends it */
  start(): Promise<AsyncDisposable | string>;
}

/** How long starting takes, above what Node itself takes. */
export async function measureStartup(lab: Lab, rounds: number): Promise<Row[]> {
  const file = join(lab.folder, "startup.json");
  const upstreams = { hosted: lab.hosted.origin, proxy: lab.cache.origin };
  await writeFile(file, JSON.stringify({ host: "127.0.0.1", ...upstreams }));
  const node = (...args: string[]) => run(process.execPath, args, process.env);
  const version: Start[] = [
    { name: "router", start: () => node(program, "--version") },
    { name: "bare node", start: () => node("--eval", "0") },
  ];
  if (lab.against !== undefined) {
    return measureBuilds(lab.against, ["--config", file, "--port", "0"], rounds);
  }
  const listening: Start[] = [
    { name: "router", start: () => startRouter({ args: ["--config", file], folder: lab.folder }) },
    { name: "bare node", start: bareListening },
  ];
  return [
    await timed("version", "combined-registry --version", aboveNode(150), version, rounds),
    await timed("listening", "from start to listening", aboveNode(300), listening, rounds),
  ];
}

/** How long two builds take, each above the other. */
async function measureBuilds(against: string, args: readonly string[], rounds: number): Promise<Row[]> {
  const builds = [
    { name: "router", bin: program },
    { name: "other build", bin: against },
  ] as const;
  const listening = async (bin: string) => {
    const daemon = await Daemon.start({
      label: "the router",
      program: process.execPath,
      args: [bin, ...args],
      env: { PATH: searchPath },
    });
    await daemon.waitFor("its address", (line) => (line.includes("listening") ? true : undefined));
    return daemon;
  };
  const version = builds.map(({ name, bin }) => ({
    name,
    start: () => run(process.execPath, [bin, "--version"], process.env),
  }));
  const targets: Target[] = [{ metric: "p50", against: "other build", most: 1 / 0.97 }];
  return [
    await timed("version", "combined-registry --version", targets, version, rounds),
    await timed(
      "listening",
      "from start to listening",
      targets,
      builds.map(({ name, bin }) => ({ name, start: () => listening(bin) })),
      rounds,
    ),
  ];
}

const aboveNode = (most: number): Target[] => [
  { metric: "p50", against: "bare node", by: "difference", most },
];

async function bareListening(): Promise<Daemon> {
  const daemon = await launchBareServer();
  await daemon.waitFor("its port", (line) => (line.includes("listening on") ? true : undefined));
  return daemon;
}

async function timed(
  id: string,
  title: string,
  targets: readonly Target[],
  starts: readonly Start[],
  rounds: number,
): Promise<Row> {
  const samples = new Map<PeerName, Sample[]>(starts.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, start } of inTurn(starts, round)) {
      const begun = performance.now();
      const started = await start();
      const took = performance.now() - begun;
      if (typeof started !== "string") {
        await started[Symbol.asyncDispose]();
      }
      samples.get(name)?.push({ rate: null, p50: took, p99: took, cpu: null, memory: null, busy: null });
    }
  }
  return rowOf({ id, title, unit: null, subject: "router", targets }, samples);
}
