import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import type { Route } from "playwright-core";
import { type Browser, startBrowser } from "../src/browser.ts";
import { openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";

jest.setTimeout(60_000);

describeE2E("the status page of a router that is slow", ["chromium", "docker-registry"], () => {
  const resources = new Resources();
  let router: Router;
  let browser: Browser;

  beforeAll(async () => {
    const lab = await openLab(resources);
    browser = resources.use(await startBrowser());
    router = await lab.startRouter();
  });

  afterAll(() => resources[Symbol.asyncDispose]());

  it("refreshes once at a time, however slow the router is, and does not take back what it has said", async () => {
    await using visited = await browser.open();
    const { page } = visited;
    await page.clock.install();
    await page.goto(`${router.origin}/`);
    const held: Route[] = [];
    await page.route(
      (url) => url.search === "",
      (route) => (held.length === 0 ? void held.push(route) : route.continue()),
    );
    const asked: string[] = [];
    page.on("request", (sent) => asked.push(sent.method()));
    await page.getByRole("checkbox").check();
    await page.clock.runFor(25_000);
    await page.getByRole("link", { name: "Refresh" }).click();
    await page.getByRole("status").getByText("Refreshing").waitFor();

    expect(asked).toEqual(["GET"]);
    await held[0]?.continue();
    await page.getByRole("status").getByText("Refreshed").waitFor();
    const again = page.waitForRequest((sent) => sent.method() === "GET");
    await page.clock.runFor(10_000);
    await again;
    expect(await page.getByRole("status").textContent()).toBe("Refreshed");
    expect(visited.problems).toEqual([]);
  });

  it("gives up a refresh that the router never answers, and says so", async () => {
    await using visited = await browser.open();
    const { page } = visited;
    await page.clock.install();
    await page.goto(`${router.origin}/`);
    await page.route(
      () => true,
      () => undefined,
    );
    await page.getByRole("link", { name: "Refresh" }).click();
    await page.getByRole("status").getByText("Refreshing").waitFor();

    await page.clock.runFor(30_000);

    await page.getByRole("status").getByText("Not refreshed: timeout after 30 s").waitFor();
    expect(visited.problems).toEqual([`failed: ${router.origin}/?`]);
  });
});
