import core = require("@combined-registry/core");
import testkit = require("@combined-registry/testkit");
import http = require("node:http");

// The same from CommonJS, in few words.

async function main(): Promise<void> {
  const hosted = await testkit.startRegistry();
  hosted.addImage("team/app", { tag: "1.0" });
  const registry = core.createCombinedRegistryHandler({ hosted: hosted.url, proxy: hosted.url });
  const server = http.createServer(core.serverOptions, registry);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/team/app/manifests/1.0`);
    process.stdout.write(JSON.stringify({ version: core.version, status: answer.status }));
  } finally {
    server.close();
    await registry.close();
    await hosted.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error}\n`);
  process.exitCode = 1;
});
