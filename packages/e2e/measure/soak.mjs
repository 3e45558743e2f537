// Everything at once, for a while: pulls, pushes, deletes, clients that leave, a cache in every kind of trouble, reloads.
//   node packages/e2e/measure/soak.mjs [--minutes 5]
// Every byte is checked. Exits 1 if a private pull or push fails, if content is wrong or cut short without saying so, if
// something that exists is answered 404, or if memory or sockets are not level at the end. Hosted is a real docker-registry, so that
// pushes are real; the cache is the testkit's, so that its troubles are at hand.
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { startRegistry } from "../../testkit/dist/index.js";
import { digestOf, makeImage, registryClient } from "./images.mjs";
import { dockerRegistry, until } from "./registries.mjs";
import { startRouter } from "./start-router.mjs";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "5" } } });
const duration = Number(values.minutes) * 60_000;
const mebibyte = 1024 * 1024;

const folder = await mkdtemp(join(tmpdir(), "combined-registry-soak-"));
const hosted = await dockerRegistry(folder, "hosted");
const proxy = await startRegistry();
const config = {
  base: "any",
  hosted: hosted.origin,
  proxy: { url: proxy.url, timeouts: { headers: 400, idle: 400 } },
  reload: "signal",
};
const router = await startRouter(config);
const origin = `http://127.0.0.1:${router.port}`;
const client = registryClient(origin);
const direct = registryClient(hosted.origin);

const privateImages = Array.from({ length: 20 }, () => makeImage(60_000));
for (const [index, image] of privateImages.entries()) {
  await direct.push(`acme/app-${index}`, "1.0", image);
}
const publicBlobs = Array.from({ length: 10 }, (_, seed) =>
  proxy.addGeneratedBlob("library/tool", { size: 3 * mebibyte, seed }),
);
for (let index = 0; index < 10; index++) {
  proxy.addImage(`library/tool-${index}`, { tag: "1.0", layers: [`layer ${index}`] });
}

/** @type {Record<string, number>} */
const counts = {};
/** @type {string[]} */
const violations = [];
let over = false;

const tasks = [
  { every: 0, clients: 4, work: privatePull },
  { every: 20, clients: 2, work: privatePush },
  { every: 5, clients: 2, work: publicManifest },
  { every: 20, clients: 2, work: publicBlob },
  { every: 50, clients: 2, work: leaveDownload },
  { every: 50, clients: 1, work: leaveUpload },
  { every: 700, clients: 1, work: trouble },
  { every: 2_000, clients: 1, work: reload },
];

const warm = await phase(Math.min(20_000, duration / 4));
const end = await phase(duration);
client.close();
direct.close();
await router.stop();
await proxy.close();
await hosted.kill();
await rm(folder, { recursive: true, force: true });

if (end.memory - warm.memory > 60 * mebibyte) {
  violations.push(`memory grew from ${warm.memory} to ${end.memory} bytes`);
}
if (end.sockets > warm.sockets + 20) {
  violations.push(`open files grew from ${warm.sockets} to ${end.sockets}`);
}
process.stdout.write(
  `${JSON.stringify({ minutes: Number(values.minutes), counts, warm, end, violations }, undefined, 2)}\n`,
);
process.exitCode = violations.length === 0 ? 0 : 1;

/**
 * Everything for a while, and then how the router is once it is left alone.
 * @param {number} milliseconds
 */
async function phase(milliseconds) {
  over = false;
  const loops = tasks.flatMap(({ every, clients, work }) =>
    Array.from({ length: clients }, async () => {
      while (!over) {
        await work().catch((error) => violations.push(`${work.name}: ${error.message}`));
        await sleep(every);
      }
    }),
  );
  await sleep(milliseconds);
  over = true;
  await Promise.all(loops);
  proxy.clearFaults();
  await until(30_000, "the cache to be asked again", async () => {
    await privatePull();
    return (await client.send("GET", "/v2/library/tool-0/manifests/1.0")).status === 200;
  });
  return level();
}

/** The least of some moments: garbage is collected when it suits. */
async function level() {
  const moments = [];
  for (let moment = 0; moment < 5; moment++) {
    await sleep(400);
    const { body } = await client.send("GET", "/metrics");
    const value = (/** @type {string} */ name) =>
      Number(new RegExp(`^${name} (\\S+)$`, "m").exec(String(body))?.[1] ?? Number.NaN);
    moments.push({ memory: value("process_resident_memory_bytes"), sockets: value("process_open_fds") });
  }
  return {
    memory: Math.min(...moments.map(({ memory }) => memory)),
    sockets: Math.min(...moments.map(({ sockets }) => sockets)),
  };
}

function count(/** @type {string} */ what) {
  counts[what] = (counts[what] ?? 0) + 1;
}

async function privatePull() {
  const index = randomInt(privateImages.length);
  await client.pull(`acme/app-${index}`, "1.0", privateImages[index] ?? makeImage());
  count("private pulls");
}

/** Pushed, pulled back, and sometimes deleted. */
async function privatePush() {
  const image = makeImage(200_000);
  const repository = `acme/pushed-${randomInt(5)}`;
  const tag = `v${randomInt(1_000_000_000)}`;
  await client.push(repository, tag, image);
  await client.pull(repository, tag, image);
  count("pushes");
  if (randomInt(4) === 0) {
    const path = `/v2/${repository}/manifests/${digestOf(image.manifest)}`;
    const { status } = await client.send("DELETE", path);
    if (status !== 202) {
      throw new Error(`DELETE ${path}: ${status}`);
    }
    count("deletes");
  }
}

/** Of what only the cache has, anything may fail while it is in trouble, but nothing may be wrong or said not to exist. */
async function publicManifest() {
  const path = `/v2/library/tool-${randomInt(10)}/manifests/1.0`;
  const answer = await client.send("GET", path).catch(() => undefined);
  if (answer === undefined) {
    count("public manifests broken off");
    return;
  }
  count(`public manifests ${answer.status}`);
  if (answer.status === 200) {
    if (answer.headers["docker-content-digest"] !== digestOf(answer.body)) {
      throw new Error(`${path}: wrong content`);
    }
  } else if (![429, 502, 503, 504].includes(answer.status)) {
    throw new Error(`${path}: ${answer.status}`);
  }
}

async function publicBlob() {
  const blob = publicBlobs[randomInt(publicBlobs.length)];
  const path = `/v2/library/tool/blobs/${blob?.digest}`;
  const answer = await client.send("GET", path).catch(() => undefined);
  if (answer === undefined) {
    count("public blobs broken off");
    return;
  }
  count(`public blobs ${answer.status}`);
  if (answer.status === 200) {
    if (digestOf(answer.body) !== blob?.digest) {
      throw new Error(
        `${path}: ${answer.body.length} bytes that are not the blob, and the connection did not break`,
      );
    }
  } else if (![429, 502, 503, 504].includes(answer.status)) {
    throw new Error(`${path}: ${answer.status}`);
  }
}

async function leaveDownload() {
  const { hostname, port } = new URL(origin);
  const path = `/v2/library/tool/blobs/${publicBlobs[0]?.digest}`;
  await new Promise((resolve) => {
    const sent = request({ hostname, port, path, agent: false });
    sent.on("error", resolve).on("close", resolve);
    sent.on("response", (response) => {
      response.on("error", resolve);
      response.once("data", () => sent.destroy());
      response.on("end", resolve);
    });
    sent.end();
  });
  count("downloads left");
}

async function leaveUpload() {
  const { hostname, port } = new URL(origin);
  const opened = await client.send("POST", "/v2/acme/left/blobs/uploads/");
  const { pathname, search } = new URL(opened.headers.location ?? "", origin);
  await new Promise((resolve) => {
    const headers = { "Content-Length": 10 * mebibyte };
    const sent = request({ hostname, port, method: "PATCH", path: pathname + search, headers, agent: false });
    sent.on("error", resolve).on("close", resolve);
    sent.write(Buffer.alloc(300_000), () => sent.destroy());
  });
  count("uploads left");
}

/** One kind of trouble after the other, and peace in between. */
async function trouble() {
  const kinds = [
    { status: 500 },
    { status: 503 },
    { status: 429, headers: { "Retry-After": "1" } },
    { hang: /** @type {const} */ (true) },
    { reset: /** @type {const} */ (true) },
    { cutAt: randomInt(2 * mebibyte) },
    { stallAt: randomInt(2 * mebibyte) },
    { delay: 200 },
  ];
  const fault = proxy.fault({ ...kinds[randomInt(kinds.length)] });
  count("troubles");
  await sleep(randomInt(200, 1_500));
  fault.remove();
}

async function reload() {
  const changed = { ...config, memory: { entries: randomInt(100, 1_000) } };
  await writeFile(router.file, JSON.stringify({ host: "127.0.0.1", port: 0, ...changed }));
  await promisify(execFile)("kill", ["-HUP", String(router.pid)]);
  count("reloads");
}
