// Draws docs/status-page.png anew: the real page, in a real browser, of a router that has had some traffic. Needs Chromium,
// pngquant (Debian: apt-get install chromium pngquant) and a build (tsc -b).
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { startBrowser } from "@combined-registry/e2e/browser";
import { request } from "@combined-registry/e2e/http";
import { acceptManifests } from "@combined-registry/e2e/images";
import { startRegistry } from "@combined-registry/testkit";

const [, , file = fileURLToPath(new URL("../../../docs/status-page.png", import.meta.url))] = process.argv;

/** Registries on this machine answer at once; those of the world do not. */
async function startSlow(delay) {
  const registry = await startRegistry();
  registry.fault({ delay });
  return registry;
}

const hosted = await startSlow(4);
const dockerhub = await startSlow(21);
const ghcr = await startSlow(38);
const handler = createCombinedRegistryHandler({
  hosted: hosted.url,
  proxy: [
    { name: "dockerhub", url: dockerhub.url },
    { name: "ghcr", url: ghcr.url, match: "acme-tools/**" },
  ],
  trustProxy: ["127.0.0.1"],
});
const server = createServer(serverOptions, handler);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

// Half of it is left when it is compressed.
const layer = (name, mebibytes) => name + randomBytes(mebibytes * 2 ** 20).toString("hex");
dockerhub.addImage("library/nginx", { tag: "1.29", layers: [layer("nginx", 28)] });
dockerhub.addImage("shop/web", { tag: "latest", layers: ["somebody else's"] });
ghcr.addImage("acme-tools/scanner", { tag: "3.2", layers: [layer("scanner", 9)] });
hosted.addImage("shop/web", { tag: "latest", layers: ["ours"] });
hosted.addImage("shop/checkout", { tag: "2.4.1", layers: [layer("checkout", 17)] });

const get = (path) => request(origin, "GET", path, { headers: { Accept: acceptManifests } });

async function pull(repository, reference) {
  const { body, status } = await get(`/v2/${repository}/manifests/${reference}`);
  for (const { digest } of status === 200 ? JSON.parse(body).layers : []) {
    await get(`/v2/${repository}/blobs/${digest}`);
  }
}

// A day's work is done in a second, and told as if it had taken some minutes.
const clock = Date.now;
const steps = [
  [1_130, () => pull("acme-tools/scanner", "3.2")],
  [840, () => pull("shop/web", "latest")],
  [290, () => pull("library/nginx", "1.29")],
  [75, () => pull("shop/chekout", "2.4.1")],
  [18, () => pull("shop/checkout", "2.4.1")],
];
for (const [secondsAgo, step] of steps) {
  Date.now = () => clock() - secondsAgo * 1000;
  await step();
}
Date.now = clock;

const browser = await startBrowser();
const { page, problems } = await browser.open({
  viewport: { width: 960, height: 900 },
  extraHTTPHeaders: { "X-Forwarded-Host": "registry.example.com" },
});
await page.goto(`${origin}/?image=shop/checkout:2.4.1`);
await page.getByRole("table", { name: "Shadowed tags" }).waitFor();
const picture = await page.screenshot({ fullPage: true });
// A quarter of a megabyte is more than a page of text should weigh.
const small = execFileSync("pngquant", ["64", "-"], { input: picture, maxBuffer: 2 ** 24 });
await writeFile(file, small);
if (problems.length > 0) {
  throw new Error(problems.join("\n"));
}

await browser[Symbol.asyncDispose]();
server.closeAllConnections();
server.close();
await handler.close();
await Promise.all([hosted, dockerhub, ghcr].map((registry) => registry.close()));
