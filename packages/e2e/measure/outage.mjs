// Private pulls and pushes through the router while its cache is in trouble, with real registries.
//   node packages/e2e/measure/outage.mjs [--pulls 500] [--pushes 50] [--headers 1000] [--no-speed]
// Prints a line per state; exits 1 if a pull or push fails, if the cache is not used again within 15 s of its recovery, or,
// without --no-speed, if the p99 of private pulls or pushes, once the cache is left out, is above 1.5 times the healthy one: of
// three windows of so many pulls each, the middle one counts, as the machine may have other work to do.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeImage, percentile, registryClient } from "./images.mjs";
import { dockerRegistry, gate, until } from "./registries.mjs";
import { startRouter } from "./start-router.mjs";

const { values } = parseArgs({
  options: {
    pulls: { type: "string", default: "500" },
    pushes: { type: "string", default: "50" },
    headers: { type: "string", default: "1000" },
    "no-speed": { type: "boolean", default: false },
  },
});
const pulls = Number(values.pulls);
const pushes = Number(values.pushes);
const longestRecovery = 15_000;
const slowest = 1.5;
const windows = values["no-speed"] ? 1 : 3;

const folder = await mkdtemp(join(tmpdir(), "combined-registry-outage-"));
const publicRegistry = await dockerRegistry(folder, "public");
const line = await gate(publicRegistry.origin);
const cache = await dockerRegistry(folder, "cache", line.origin);
const hosted = await dockerRegistry(folder, "hosted");

const privateImages = Array.from({ length: 40 }, () => makeImage());
const direct = registryClient(hosted.origin);
for (const [index, image] of privateImages.entries()) {
  await direct.push(`acme/app-${index}`, "1.0", image);
}
const atPublic = registryClient(publicRegistry.origin);
let publicImages = 0;

/** @type {Record<string, { midRun: boolean, break: () => unknown, heal: () => unknown }>} */
const states = {
  refused: { midRun: false, break: () => cache.kill(), heal: () => cache.start() },
  killed: { midRun: true, break: () => cache.kill(), heal: () => cache.start() },
  stopped: { midRun: true, break: () => cache.signal("SIGSTOP"), heal: () => cache.signal("SIGCONT") },
  "public registry hung": { midRun: true, break: () => line.hang(), heal: () => line.heal() },
};

let failed = false;
try {
  for (const [name, state] of Object.entries(states)) {
    failed = !(await measure(name, state)) || failed;
  }
} finally {
  direct.close();
  atPublic.close();
  line.close();
  cache.signal("SIGCONT");
  await Promise.all([publicRegistry, cache, hosted].map((registry) => registry.kill()));
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

/**
 * @param {string} name
 * @param {(typeof states)[string]} state
 */
async function measure(name, state) {
  const router = await startRouter({
    logLevel: "info",
    base: "any",
    hosted: hosted.origin,
    proxy: { url: cache.origin, timeouts: { headers: Number(values.headers) } },
  });
  const client = registryClient(`http://127.0.0.1:${router.port}`);
  try {
    // Once to get warm, then what counts.
    await work(client, Math.ceil(pulls / 4), 5, name);
    const healthy = await inWindows(() => work(client, pulls, pushes, name));
    if (!state.midRun) {
      await state.break();
    }
    const watching = until(60_000, "the cache to be left out", async () => {
      const { body } = await client.send("GET", "/metrics");
      return / 2$/m.test(/^combined_registry_breaker_state.*"proxy".*$/m.exec(String(body))?.[0] ?? "");
    });
    const broken = work(client, pulls, pushes, name, state.midRun ? () => state.break() : undefined);
    await Promise.all([broken, watching]);
    // Enough of them once it is left out, whenever that was.
    const leftOut = await inWindows(() => work(client, pulls, pushes, name));
    const recovery = await recover(client, state);
    return report(name, { healthy, broken: await broken, leftOut }, recovery);
  } finally {
    client.close();
    await router.stop();
  }
}

/** @typedef {{ pulls: number[], pushes: number[] }} Times milliseconds */

/**
 * @param {() => Promise<Times>} window
 * @returns {Promise<Times[]>}
 */
async function inWindows(window) {
  const done = [];
  for (let count = 0; count < windows; count++) {
    done.push(await window());
  }
  return done;
}

/**
 * So many pulls and pushes, several at a time.
 * @param {ReturnType<typeof registryClient>} client
 * @param {number} pulls
 * @param {number} pushes
 * @param {string} state
 * @param {() => unknown} [halfway] what happens in the middle of it
 */
async function work(client, pulls, pushes, state, halfway) {
  /** @type {Times} */
  const done = { pulls: [], pushes: [] };
  const every = Math.max(1, Math.round(pulls / pushes));
  let next = 0;
  const worker = async () => {
    while (next < pulls) {
      const number = next++;
      if (number === Math.floor(pulls / 5)) {
        await halfway?.();
      }
      const index = number % privateImages.length;
      await time(done.pulls, () =>
        client.pull(`acme/app-${index}`, "1.0", privateImages[index] ?? makeImage()),
      );
      if (number % every === 0) {
        const repository = `acme/pushed-${state.replaceAll(" ", "-")}`;
        await time(done.pushes, () => client.push(repository, `v${number}`, makeImage()));
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return done;
}

/**
 * @param {number[]} times
 * @param {() => Promise<void>} task
 */
async function time(times, task) {
  const begun = performance.now();
  await task();
  times.push(performance.now() - begun);
}

/**
 * How long until a public image that was never asked for is served through the cache.
 * @param {ReturnType<typeof registryClient>} client
 * @param {(typeof states)[string]} state
 */
async function recover(client, state) {
  const image = makeImage();
  const repository = `library/tool-${publicImages++}`;
  await atPublic.push(repository, "1.0", image);
  const begun = performance.now();
  await state.heal();
  await until(longestRecovery, `${repository} to be served through the cache`, async () => {
    await client.pull(repository, "1.0", image);
    return true;
  });
  return performance.now() - begun;
}

/**
 * @param {string} name
 * @param {{ healthy: Times[], broken: Times, leftOut: Times[] }} times
 * @param {number} recovery
 */
function report(name, { healthy, broken, leftOut }, recovery) {
  const rows = /** @type {const} */ (["pulls", "pushes"]).map((kind) => {
    const windowsOf = leftOut.map((times, index) => {
      const [before, since] = [percentile(healthy[index]?.[kind] ?? [], 0.99), percentile(times[kind], 0.99)];
      return { before, since, ratio: since / before };
    });
    const byRatio = windowsOf.toSorted((one, other) => one.ratio - other.ratio);
    const middle = byRatio[Math.floor(windows / 2)] ?? {
      before: 0,
      since: 0,
      ratio: Number.POSITIVE_INFINITY,
    };
    const count = [broken, ...leftOut].reduce((sum, times) => sum + times[kind].length, 0);
    return { kind, count, ratios: byRatio.map(({ ratio }) => ratio.toFixed(2)), ...middle };
  });
  const text = rows.map(
    ({ kind, count, before, since, ratios }) =>
      `${count} ${kind} right, p99 ${before.toFixed(1)} ms healthy, ${since.toFixed(1)} ms left out (${ratios.join(", ")}x)`,
  );
  process.stdout.write(`${name}: ${text.join("; ")}; used again after ${(recovery / 1000).toFixed(1)} s\n`);
  return values["no-speed"] || rows.every(({ ratio }) => ratio <= slowest);
}
