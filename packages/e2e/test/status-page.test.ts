import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import axe, { type AxeResults } from "axe-core";
import type { BrowserContextOptions, Page } from "playwright-core";
import { type Browser, startBrowser } from "../src/browser.ts";
import { request } from "../src/http.ts";
import { acceptManifests, image } from "../src/images.ts";
import { type Lab, openLab } from "../src/lab.ts";
import { describeE2E } from "../src/programs.ts";
import { Resources } from "../src/resources.ts";
import type { Router } from "../src/router.ts";
import { seed } from "../src/seed.ts";

jest.setTimeout(60_000);

// Seconds.
const scriptLimit = 0.1;
const longName = `team/${"a-component-of-a-long-name/".repeat(6)}app`;
const markup = `<img src=x onerror="alert(1)"></input>'app`;

describeE2E("the status page in a real browser", ["chromium", "docker-registry"], () => {
  const resources = new Resources();
  let lab: Lab;
  let router: Router;
  let browser: Browser;

  beforeAll(async () => {
    lab = await openLab(resources);
    browser = resources.use(await startBrowser());
    const [published, pushed] = [await image("public"), await image("private")];
    await seed(lab.public.origin, "library/tool", "1", published);
    await seed(lab.public.origin, "team/app", "1", published);
    await seed(lab.hosted.origin, "team/app", "1", pushed);
    await seed(lab.hosted.origin, longName, "1", pushed);
    router = await lab.startRouter();
    for (const name of ["library/tool", "team/app", longName, "nobody/has-it"]) {
      await request(router.origin, "GET", `/v2/${name}/manifests/1`, {
        headers: { Accept: acceptManifests },
      });
    }
  });

  afterAll(() => resources[Symbol.asyncDispose]());

  /** Does something on the page, at which the browser must find nothing wrong. */
  async function visit(
    look: (page: Page) => Promise<void>,
    options: BrowserContextOptions = {},
    origin = router.origin,
  ): Promise<void> {
    await using visited = await browser.open(options);
    await visited.page.goto(`${origin}/`);
    await look(visited.page);
    expect(visited.problems).toEqual([]);
  }

  /** @param shown what the explanation has in it once it is there */
  async function explain(page: Page, name: string, shown = name.replace(/:.*/, "")): Promise<string | null> {
    await page.getByRole("textbox", { name: "Image" }).fill(name);
    await page.getByRole("button", { name: "Explain" }).click();
    const region = page.getByRole("region", { name: "Explanation" });
    await region.getByText(shown).first().waitFor();
    return region.textContent();
  }

  it("loads with less than 100 ms of scripts", async () => {
    await using visited = await browser.open();
    const tools = await visited.page.context().newCDPSession(visited.page);
    await tools.send("Performance.enable");
    await visited.page.goto(`${router.origin}/`, { waitUntil: "load" });

    const { metrics } = await tools.send("Performance.getMetrics");

    const spent = metrics.find(({ name }) => name === "ScriptDuration")?.value ?? Number.NaN;
    expect(spent).toBeLessThan(scriptLimit);
    expect(await visited.page.title()).toBe("Combined Registry");
    expect(visited.problems).toEqual([]);
  });

  it("shows the registries, the latest decisions with the reason, and shadowed tags", () =>
    visit(async (page) => {
      await page.getByText("All registries answer").waitFor();
      const table = (name: string) => page.getByRole("table", { name });
      const rowOf = (name: string, text: RegExp) => table(name).getByRole("row", { name: text });

      expect(await rowOf("Registries", /^hosted private/).textContent()).toMatch(/up 200/);
      expect(await rowOf("Latest decisions", /library\/tool:1/).textContent()).toMatch(/proxy\s*found/);
      expect(await rowOf("Latest decisions", /nobody\/has-it:1/).textContent()).toMatch(
        /proxy not found, hosted not found/,
      );
      expect(await rowOf("Shadowed tags", /team\/app:1/).textContent()).toMatch(
        /hosted: sha256:.*proxy: sha256:/s,
      );
    }));

  it("explains an image without a new page, and copies the commands", () =>
    visit(
      async (page) => {
        await page.evaluate("globalThis.sameDocument = true");
        expect(await explain(page, "library/tool:1")).toMatch(/from proxy: it is asked first/);
        await page.getByRole("button", { name: "Copy the pull command" }).click();
        await page.getByRole("status").getByText("Copied").waitFor();

        expect(await page.evaluate("navigator.clipboard.readText()")).toBe(
          `docker pull ${router.host}/library/tool:1`,
        );
        expect(await page.evaluate("globalThis.sameDocument")).toBe(true);
        expect(new URL(page.url()).search).toBe("?image=library%2Ftool%3A1");
      },
      { permissions: ["clipboard-read", "clipboard-write"] },
    ));

  it("explains an image without scripts", () =>
    visit(
      async (page) => {
        expect(await explain(page, "library/tool:1")).toMatch(/from proxy: it is asked first/);
        expect(await page.getByRole("textbox", { name: "Image" }).inputValue()).toBe("library/tool:1");
        expect(await page.getByRole("button").allInnerTexts()).toEqual(["Explain"]);
      },
      { javaScriptEnabled: false },
    ));

  it.each([true, false])("takes markup in a name for text, with scripts: %s", (javaScriptEnabled) =>
    visit(
      async (page) => {
        expect(await explain(page, markup, "the image name")).toMatch(/^the image name .*<img src=x/s);
        expect(await page.getByRole("textbox", { name: "Image" }).inputValue()).toBe(markup);
        expect(await page.locator("img").count()).toBe(0);
      },
      { javaScriptEnabled },
    ),
  );

  it("refreshes what has changed, and leaves an explanation where it is", () =>
    visit(async (page) => {
      await explain(page, "library/tool:1");
      await request(router.origin, "GET", "/v2/just/now/manifests/1");

      await page.getByRole("link", { name: "Refresh" }).click();

      await page.getByRole("table", { name: "Latest decisions" }).getByText("just/now:1").waitFor();
      expect(await page.getByRole("status").textContent()).toBe("Refreshed");
      expect(await page.getByRole("region", { name: "Explanation" }).textContent()).toMatch(/from proxy/);
    }));

  it("is used with nothing but a keyboard", () =>
    visit(
      async (page) => {
        const focused = () => page.evaluate("document.activeElement.innerText || document.activeElement.id");
        const stops: unknown[] = [];
        while (stops.at(-1) !== "image" && stops.length < 10) {
          await page.keyboard.press("Tab");
          stops.push(await focused());
        }
        expect(stops).toEqual(["Refresh", "every", "image"]);
        await page.keyboard.type("library/tool:1");
        await page.keyboard.press("Enter");
        await page.getByText("it is asked first").waitFor();
        expect(await focused()).toBe("image");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.getByRole("status").getByText("Copied").waitFor();

        expect(await page.evaluate("navigator.clipboard.readText()")).toMatch(/^docker pull /);
        expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
      },
      { permissions: ["clipboard-read", "clipboard-write"] },
    ));

  it.each([320, 1280])("fits into a window of %i pixels, long names and all", (width) =>
    visit(
      async (page) => {
        await explain(page, `${longName}:1`);
        const words = page.locator("[data-column=kind] span, [data-column=says] span");
        const lines = words.evaluateAll((all) => all.map((word) => word.getClientRects().length));
        // Of two registries each.
        expect(await lines).toEqual([1, 1, 1, 1]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      },
      { viewport: { width, height: 640 } },
    ),
  );

  it("is dark where the person wants it dark", async () => {
    const colours = new Set<unknown>();
    for (const colorScheme of ["light", "dark"] as const) {
      await visit(
        async (page) => {
          colours.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
        },
        { colorScheme },
      );
    }

    expect([...colours]).toEqual(["rgb(255, 255, 255)", "rgb(13, 17, 23)"]);
  });

  it.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 320],
    ["dark", 320],
  ] as const)("has no barrier that axe calls serious or critical, %s, at %i pixels", (colorScheme, width) =>
    visit(
      async (page) => {
        await explain(page, "team/app:1");
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate<AxeResults>("axe.run()");

        expect(
          violations.map(({ impact, id, nodes }) => [impact, id, nodes.map(({ html }) => html)]),
        ).toEqual([]);
      },
      { colorScheme, viewport: { width, height: 640 } },
    ),
  );

  it("asks for a password where there are users", async () => {
    const users = join(lab.folder, "users");
    const hash = createHash("sha1").update("alice's password").digest("base64");
    await writeFile(users, `alice:{SHA}${hash}\n`);
    const guarded = await lab.startRouter({ auth: { htpasswdFile: users } });
    const stranger = await request(guarded.origin, "GET", "/", { headers: { Accept: "text/html" } });

    expect([stranger.status, stranger.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ]);
    await visit(
      async (page) => {
        expect(await explain(page, "library/tool:1")).toMatch(/from proxy/);
      },
      { httpCredentials: { username: "alice", password: "alice's password" } },
      guarded.origin,
    );
  });
});
