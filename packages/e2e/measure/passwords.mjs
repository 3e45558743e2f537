// What bcrypt of cost 12 costs the clients that are right, and what a flood of wrong passwords costs them.
// Exits with 1 where a target is missed. Run `tsc -b` first. Options: --no-speed (a few seconds, in which only the answers count:
// for a machine that other things run on).

import { once } from "node:events";
import { Agent } from "node:http";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { startRegistry } from "@combined-registry/testkit";
import { basic, get, load } from "./load.mjs";
import { startRouter } from "./start-router.mjs";

const { values } = parseArgs({ options: { "no-speed": { type: "boolean", default: false } } });
const hurried = values["no-speed"];
const targets = hurried ? { perSecond: 0, delay: Infinity } : { perSecond: 300, delay: 50 };
const milliseconds = hurried ? 1000 : 10_000;
const loaded = hurried ? 200 : 5000;
const connections = 50;
const password = "correct horse";
const htpasswd = "alice:$2y$12$bTDFBQo7qKY8O50BUXlzZOZZuL36tnpTYIfyFZBVpL6WueKax0fUm\n";

const right = basic(`alice:${password}`);
const path = "/v2/team/app/manifests/latest";
let failed = false;

/**
 * @param {string} what
 * @param {number} value
 * @param {string} [unit]
 * @param {boolean} [met] left out where there is no target
 */
function report(what, value, unit = "", met = undefined) {
  const verdict = met === undefined ? "" : met ? "  ok" : "  MISSED";
  failed ||= met === false;
  process.stdout.write(`${what.padEnd(62)}${value.toFixed(1).padStart(9)} ${unit}${verdict}\n`);
}

/**
 * @param {string} what
 * @param {Record<number, number>} statuses
 * @param {readonly number[]} expected
 */
function expectStatuses(what, statuses, expected) {
  const others = Object.keys(statuses).filter((status) => !expected.includes(Number(status)));
  failed ||= others.length > 0;
  process.stdout.write(`${`  ${what}`.padEnd(62)}${JSON.stringify(statuses)}\n`);
}

/** @param {number} port */
async function measureThroughput(port) {
  const first = performance.now();
  await get({ port, path, headers: right });
  report("the first request", performance.now() - first, "ms");
  const agent = new Agent({ keepAlive: true });
  for (const [how, connection] of /** @type {const} */ ([
    ["keep-alive", { agent }],
    ["one connection per request", { agent: false }],
  ])) {
    const { perSecond, statuses } = await load(10, loaded, () =>
      get({ port, path, headers: right, ...connection }),
    );
    report(`10 clients, ${how}`, perSecond, "per second", perSecond >= targets.perSecond);
    expectStatuses("their answers", statuses, [200]);
  }
  agent.destroy();
}

/** @param {number} port @returns {Promise<number>} milliseconds, since the last time it was asked for */
async function eventLoopDelay(port) {
  const { body } = await get({ port, path: "/metrics", headers: right });
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(body)?.[1]) * 1000;
}

/**
 * One client goes on, ten times a second, while others send nothing but wrong passwords.
 * @param {number} port
 * @param {string} what
 * @param {boolean} spread whether each connection has an address of its own
 */
async function measureFlood(port, what, spread) {
  const agent = new Agent({ keepAlive: true });
  await eventLoopDelay(port);
  // In a thread of its own, or the other client would wait for its turn here and not at the router.
  const flooding = new Worker(new URL("./flood.mjs", import.meta.url), {
    workerData: { port, path, connections, milliseconds, spread },
  });
  const flooded = once(flooding, "message");
  const healthy = await load(1, milliseconds, () => get({ port, path, headers: right, agent }), 100);
  const delay = await eventLoopDelay(port);
  const [flood] = await flooded;
  report(`${connections} connections with wrong passwords from ${what}`, flood.perSecond, "per second");
  expectStatuses("their answers", flood.statuses, [401, 429]);
  report("  event-loop delay, p99", delay, "ms", delay < targets.delay);
  report("  a client with a right one meanwhile, p99", healthy.p99, "ms");
  expectStatuses("its answers", healthy.statuses, [200]);
  agent.destroy();
}

const [hosted, proxy] = [await startRegistry(), await startRegistry()];
hosted.addImage("team/app", { tag: "latest" });
const router = await startRouter(
  {
    hosted: hosted.url,
    proxy: proxy.url,
    auth: { htpasswdFile: "htpasswd" },
  },
  { htpasswd },
);
try {
  await measureThroughput(router.port);
  await measureFlood(router.port, "one address", false);
  // No address comes to its tenth wrong password, so this one is checked all the time.
  await measureFlood(router.port, "as many addresses", true);
} finally {
  await router.stop();
  await Promise.all([hosted.close(), proxy.close()]);
}
process.exitCode = failed ? 1 : 0;
