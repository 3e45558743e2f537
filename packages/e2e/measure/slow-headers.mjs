// 1,000 connections that send a byte of a header every second or two, and never an end: what healthy clients notice of them, and
// whether all are closed within the time for headers.
//   node packages/e2e/measure/slow-headers.mjs [--connections 1000] [--timeout 10000] [--no-speed]
// Exits 1 if the p99 of healthy requests is above 1.5 times that without them (unless --no-speed), or if one is left open.
import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { startRegistry } from "../../testkit/dist/index.js";
import { percentile, registryClient } from "./images.mjs";
import { until } from "./registries.mjs";
import { startRouter } from "./start-router.mjs";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "1000" },
    timeout: { type: "string", default: "10000" },
    "no-speed": { type: "boolean", default: false },
  },
});
const connections = Number(values.connections);
const timeout = Number(values.timeout);
// How often the router looks for such connections, and what the machine may be late.
const grace = 5_000 + 2_000;
const slowest = 1.5;

const [proxy, hosted] = await Promise.all([startRegistry(), startRegistry()]);
hosted.addImage("acme/app", { tag: "1.0", layers: ["x"] });
const router = await startRouter({ hosted: hosted.url, proxy: proxy.url, headersTimeout: timeout });
const client = registryClient(`http://127.0.0.1:${router.port}`);

await healthy(1_000);
const before = [await healthy(2_000), await healthy(2_000), await healthy(2_000)];
const slow = await Promise.all(Array.from({ length: connections }, (_, index) => open(index)));
const begun = performance.now();
const during = [await healthy(2_000), await healthy(2_000), await healthy(2_000)];
const stillOpen = slow.filter(({ closed }) => !closed).length;
await until(timeout + grace, "all slow connections to be closed", async () =>
  slow.every(({ closed }) => closed),
);
const lasted = (performance.now() - begun) / 1000;

// The middle one of three windows: a single p99 is at the mercy of whatever else the machine does.
const [healthyP99, p99] = [percentile(before, 0.5), percentile(during, 0.5)];
const ratio = p99 / healthyP99;
process.stdout.write(
  `${connections} slow connections (${stillOpen} open at the end of measuring): p99 ${healthyP99.toFixed(2)} ms without, ` +
    `${p99.toFixed(2)} ms with them (${ratio.toFixed(2)}x); all closed after ${lasted.toFixed(1)} s of at most ` +
    `${((timeout + grace) / 1000).toFixed(1)} s\n`,
);
client.close();
await router.stop();
await Promise.all([proxy.close(), hosted.close()]);
process.exitCode = values["no-speed"] || ratio <= slowest ? 0 : 1;

/** @param {number} milliseconds @returns {Promise<number>} p99 of private pulls by tag */
async function healthy(milliseconds) {
  /** @type {number[]} */
  const times = [];
  const end = performance.now() + milliseconds;
  const worker = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      const { status } = await client.send("GET", "/v2/acme/app/manifests/1.0");
      if (status !== 200) {
        throw new Error(`a healthy request was answered ${status}`);
      }
      times.push(performance.now() - sent);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return percentile(times, 0.99);
}

/** @param {number} index */
async function open(index) {
  const socket = connect(router.port, "127.0.0.1");
  const state = { closed: false };
  socket
    .on("error", () => undefined)
    .on("close", () => {
      state.closed = true;
      clearInterval(drip);
    });
  await once(socket, "connect");
  // A tenth of them never sends anything.
  if (index % 10 > 0) {
    socket.write("GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  }
  const drip = setInterval(() => index % 10 > 0 && socket.write("a"), 1_000 + (index % 1_000));
  socket.resume();
  return state;
}
