import { createServer } from "node:http";
import { startRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { completeConfig } from "../../../src/config/complete-config.ts";
import { ClientExchange } from "../../../src/http/exchange.ts";
import { sendError } from "../../../src/http/respond.ts";
import { RegistryError } from "../../../src/protocol/errors.ts";
import { valuesOf, warning } from "../../../src/protocol/headers.ts";
import { createRouterContext } from "../../../src/router-context.ts";
import { fetchRaw } from "../../support/client.ts";
import { closedPort, listen, startRouter } from "../../support/router.ts";

it("each warning of hosted's response is a header line", async () => {
  await using hosted = await startRegistry();
  const nowhere = `http://127.0.0.1:${await closedPort()}`;
  await using router = await startRouter({ hosted: hosted.url, proxy: [nowhere, `${nowhere}/`] });

  const answer = await fetchRaw(router.url, `/v2/a/blobs/sha256:${"0".repeat(64)}`, { method: "HEAD" });

  expect(answer.status).toBe(404);
  expect(valuesOf(answer.rawHeaders, "warning")).toEqual([
    '299 - "proxy-1 failed (connection refused)"',
    '299 - "proxy-2 failed (connection refused)"',
  ]);
});

it("each warning of the router's own error response is a header line, and all of them have at most 4096 bytes", async () => {
  const context = createRouterContext(completeConfig({ hosted: "http://hosted", proxy: "http://proxy" }));
  const texts = Array.from({ length: 200 }, (_, index) => `proxy-${index} failed ("${"\u2603".repeat(20)}")`);
  const server = createServer((request, response) => {
    const headers = { Warning: texts.map(warning) };
    sendError(
      new ClientExchange(request, response, context, () => false),
      new RegistryError("MANIFEST_UNKNOWN", { headers }),
    );
  });
  try {
    const answer = await fetchRaw(`http://127.0.0.1:${await listen(server)}`, "/");

    const lines = valuesOf(answer.rawHeaders, "warning");
    expect(answer.status).toBe(404);
    expect(lines[1]).toBe(`299 - "proxy-1 failed ('${"?".repeat(20)}')"`);
    expect(lines).toEqual(texts.slice(0, lines.length).map(warning));
    const bytes = lines.reduce((sum, line) => sum + `Warning: ${line}\r\n`.length, 0);
    expect(bytes).toBeLessThanOrEqual(4096);
    expect(bytes).toBeGreaterThan(4000);
  } finally {
    server.close();
  }
});
