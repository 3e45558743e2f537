import { createServer } from "node:http";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRegistry, startRouter } from "@combined-registry/testkit";
import { expect, it, jest } from "@jest/globals";
import { startBrowser } from "../src/browser.ts";
import { describeE2E } from "../src/programs.ts";

jest.setTimeout(60_000);

/** A site whose page writes to a registry as soon as it is opened. */
async function startSite(script: string) {
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(`<!doctype html><body><script>${script}</script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://localhost:${typeof address === "object" ? address?.port : 0}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeE2E("a page of another site in a browser", ["chromium"], () => {
  const uploads = "/v2/team/app/blobs/uploads/";
  it.each([
    [
      "a form",
      (url: string) =>
        `document.body.innerHTML = '<form method="post" action="${url}"></form>'; document.forms[0].submit();`,
    ],
    ["a fetch", (url: string) => `fetch(${JSON.stringify(url)}, { method: "POST", mode: "no-cors" });`],
  ])("cannot write to the registry: %s", async (_, write) => {
    await using router = await startRouter((upstreams) => createCombinedRegistryHandler(upstreams));
    await using site = await startSite(write(`${router.url}${uploads}`));
    await using browser = await startBrowser();
    await using visited = await browser.open();
    const answered = visited.page.waitForResponse((response) => response.url().endsWith(uploads));

    await visited.page.goto(site.url);

    expect((await answered).status()).toBe(403);
    expect(router.hosted.requests).toEqual([]);
  });

  it("gets nothing of a registry's that a browser would run on the router's origin", async () => {
    await using hosted = await startRegistry();
    await using router = await startRouter((upstreams) =>
      createCombinedRegistryHandler({ ...upstreams, hosted: hosted.url }),
    );
    const blob = hosted.addBlob("team/app", "<script>document.title = 'run'</script>");
    hosted.fault({
      path: /blobs/,
      status: 200,
      headers: { "Content-Type": "text/html", "Docker-Distribution-Api-Version": "registry/2.0" },
      body: "<script>document.title = 'run'</script>",
    });
    await using browser = await startBrowser();
    await using visited = await browser.open();

    await visited.page.goto(`${router.url}/v2/team/app/blobs/${blob.digest}`);

    expect(await visited.page.title()).toBe("");
  });
});
