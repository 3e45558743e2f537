import core = require("@combined-registry/core");
import testkit = require("@combined-registry/testkit");

// The same from CommonJS, in few words.

async function main(): Promise<void> {
  const router = await testkit.startRouter(core.createCombinedRegistryHandler, {
    server: core.serverOptions,
  });
  router.hosted.addImage("team/app", { tag: "1.0" });
  try {
    const answer = await fetch(`${router.url}/v2/team/app/manifests/1.0`);
    process.stdout.write(JSON.stringify({ version: core.version, status: answer.status }));
  } finally {
    await router.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error}\n`);
  process.exitCode = 1;
});
