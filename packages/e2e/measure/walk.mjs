// How much of core one request goes through: distinct files and functions, and calls. Counted by V8's precise coverage of one
// request after another one of the same kind, so that what is done once is not counted.
//
//     node packages/e2e/measure/walk.mjs [--list] [--json]
//
// It needs `npm run build`. Its figures depend on the code alone, not on the machine. It ends with 1 if a request takes a
// longer way than it may; `--list` names the functions.
import { once } from "node:events";
import { createServer } from "node:http";
import { Session } from "node:inspector/promises";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { makeImage, registryClient } from "./images.mjs";

// A request that goes through more than this has a detour in it.
const bounds = {
  "public blob GET": { files: 50, functions: 160 },
  "private tag GET": { files: 60, functions: 215 },
};

const { values: flags } = parseArgs({ options: { list: { type: "boolean" }, json: { type: "boolean" } } });
const core = new URL("../../core/dist/", import.meta.url).href;
const blobSize = 2_000;

const proxy = await startRegistry();
const hosted = await startRegistry();
const registry = createCombinedRegistryHandler({
  proxy: { name: "proxy", url: proxy.url },
  hosted: { url: hosted.url },
  lists: "merge",
});
let closed = Promise.resolve();
const server = createServer((request, response) => {
  closed = once(response, "close");
  registry(request, response);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const client = registryClient(`http://127.0.0.1:${server.address().port}`);
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

// Every request of a kind is about another image, so that no cache answers in the place of an upstream.
const kinds = {
  "public blob GET": {
    prepare: (n) => ({ path: `/v2/public/blob${n}/blobs/${layerAt(proxy, `public/blob${n}`)}` }),
    status: 200,
  },
  "private tag GET": {
    prepare: (n) => {
      layerAt(hosted, `private/tag${n}`);
      return { path: `/v2/private/tag${n}/manifests/latest`, headers: { Accept: "*/*" } };
    },
    status: 200,
  },
  "manifest PUT, one layer copied": { prepare: pushWithout, status: 201 },
  "tags/list, merged": {
    prepare: (n) => {
      layerAt(proxy, `both/list${n}`);
      layerAt(hosted, `both/list${n}`);
      return { path: `/v2/both/list${n}/tags/list` };
    },
    status: 200,
  },
};

const rows = [];
for (const [name, { prepare, status }] of Object.entries(kinds)) {
  await send(await prepare(1), status, name);
  const counted = await prepare(2);
  await called();
  await send(counted, status, name);
  rows.push({ name, ...summary(await called()), bound: bounds[name] });
}
session.disconnect();
await registry.close();
server.closeAllConnections();
server.close();
await Promise.all([proxy.close(), hosted.close()]);

if (flags.json) {
  process.stdout.write(
    `${JSON.stringify(rows.map(({ names, ...row }) => (flags.list ? { ...row, names } : row)))}\n`,
  );
} else {
  process.stdout.write("request                           files  functions  calls   at most\n");
  for (const { name, files, functions, calls, bound, names } of rows) {
    const most = bound === undefined ? "" : `${bound.files} files, ${bound.functions} functions`;
    process.stdout.write(
      `${name.padEnd(34)}${String(files).padStart(5)}${String(functions).padStart(11)}${String(calls).padStart(7)}   ${most}\n`,
    );
    if (flags.list) {
      process.stdout.write(names.map((line) => `    ${line}\n`).join(""));
    }
  }
}
const tooLong = rows.filter(
  ({ files, functions, bound }) => bound && (files > bound.files || functions > bound.functions),
);
process.exitCode = tooLong.length > 0 ? 1 : 0;

/** An image of one layer at a registry. @returns the layer's digest */
function layerAt(where, repository) {
  const { layers } = where.addImage(repository, {
    tag: "latest",
    layers: [Buffer.alloc(blobSize, repository)],
  });
  return layers[0].digest;
}

/** A push whose configuration is at hosted and whose layer only the proxy has, under the same name. */
async function pushWithout(n) {
  const repository = `push/copied${n}`;
  const { manifest, blobs } = makeImage(blobSize);
  const [config, layer] = blobs;
  hosted.addBlob(repository, config);
  proxy.addBlob(repository, layer);
  proxy.addManifest(repository, manifest, {
    tag: "other",
    mediaType: JSON.parse(String(manifest)).mediaType,
  });
  return {
    method: "PUT",
    path: `/v2/${repository}/manifests/latest`,
    headers: { "Content-Type": JSON.parse(String(manifest)).mediaType },
    body: manifest,
  };
}

async function send({ method = "GET", path, headers, body }, status, name) {
  const answer = await client.send(method, path, headers, body);
  if (answer.status !== status) {
    throw new Error(`${name}: ${method} ${path}: ${answer.status} instead of ${status}: ${answer.body}`);
  }
  // What is done at the end of the response belongs to the request.
  await closed;
  await setImmediate();
}

/** The functions of core that have been called since the last time. */
async function called() {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(({ url }) => url.startsWith(core))
    .flatMap(({ url, functions }) =>
      functions
        .map(({ functionName, ranges: [range] }) => ({
          functionName,
          count: range.count,
          at: range.startOffset,
        }))
        .filter(({ count }) => count > 0)
        .map(({ functionName, count, at }) => ({ file: url.slice(core.length), functionName, count, at })),
    );
}

function summary(functions) {
  return {
    files: new Set(functions.map(({ file }) => file)).size,
    functions: functions.length,
    calls: functions.reduce((sum, { count }) => sum + count, 0),
    names: functions
      .map(({ file, functionName, count }) => `${file} ${functionName || "(anonymous)"} x${count}`)
      .sort(),
  };
}
