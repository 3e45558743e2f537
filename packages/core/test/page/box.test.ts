import { request as httpRequest } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../support/client.ts";
import { browser, fetchPage, textOf } from "../support/page.ts";
import { startSides } from "../support/sides.ts";
import { until, within } from "../support/within.ts";

describe("the box that explains an image", () => {
  it("says what `explain` says, with the commands to copy", async () => {
    await using sides = await startSides();
    const { digest } = sides.hosted.addImage("team/app", { tag: "1.0" });

    const { text } = await fetchPage(sides.router, {
      image: " registry.example.com/team/app:1.0 ",
      headers: { Host: "registry.example.com:5000" },
    });

    const said = textOf(text, "explanation");
    expect(said).toMatch(/^team\/app:1\.0 pull from hosted : proxy not found digest sha256:/);
    expect(said).toContain(digest);
    expect(said).toContain("docker pull registry.example.com:5000/team/app:1.0 Copy");
    expect(said).toContain("docker push registry.example.com:5000/team/app:1.0 Copy");
    expect(text).toContain('value="registry.example.com/team/app:1.0"');
  });

  it("says once why many are not asked, and the name at a registry only where it is another one", async () => {
    await using sides = await startSides();
    const proxy = (name: string, options = {}) => ({ name, url: sides.proxy.url, ...options });
    sides.router.handler.reload({
      hosted: sides.hosted.url,
      proxy: [
        proxy("hub", { libraryPrefix: true }),
        proxy("corp", { match: "corp/**" }),
        proxy("lab", { match: "lab/**" }),
      ],
    });

    const { text } = await fetchPage(sides.router, { image: "nginx" });

    const said = textOf(text, "explanation");
    expect(said).toContain("not asked corp, lab: its match does not cover the name →");
    expect(said).toMatch(/hub HEAD library\/nginx not found 404 .* hosted HEAD not found 404/);
  });

  it.each([
    ["markup", "<img src=x onerror=alert(1)>"],
    ["an end of the attribute", `app" autofocus onfocus="alert(1)`],
    ["an end of the script", "</script><script>alert(1)</script>"],
  ])("shows %s in a name as text, and asks no registry about it", async (_, image) => {
    await using sides = await startSides();

    const { text, status } = await fetchPage(sides.router, { image });

    expect(status).toBe(200);
    expect(text).not.toContain(image);
    expect(textOf(text, "explanation")).toMatch(/^the image name /);
    expect([...sides.proxy.requests, ...sides.hosted.requests].map(({ path }) => path)).toEqual([
      "/v2/",
      "/v2/",
    ]);
  });

  it.each([
    ["registry", "http", "registry:80"],
    ["registry", "https", "registry:443"],
    ["localhost", "http", "localhost"],
    ["[::1]:5000", "http", "[::1]:5000"],
  ])("has docker take the host %s (%s) for one: %s", async (host, proto, said) => {
    await using sides = await startSides({ router: { trustProxy: ["127.0.0.1"] } });

    const headers = { Host: host, "X-Forwarded-Proto": proto };
    const { text } = await fetchPage(sides.router, { image: "team/app", headers });

    expect(text).toContain(`docker push ${said}/team/app:latest`);
  });

  it("explains what the commands get, under a name that stands for one registry", async () => {
    await using sides = await startSides();
    const hosted = { url: sides.hosted.url, hosts: ["hosted"] };
    sides.router.handler.reload({ hosted, proxy: sides.proxy.url });
    sides.proxy.addImage("team/app", { tag: "1" });

    const { text } = await fetchPage(sides.router, { image: "team/app:1", headers: { Host: "hosted" } });

    expect(textOf(text, "explanation")).toMatch(
      /^team\/app:1 pull 404 : .* docker pull hosted:80\/team\/app:1 /,
    );
    expect(sides.proxy.requests.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  it("puts no host into commands that a shell could take for more", async () => {
    await using sides = await startSides();

    const { text } = await fetchPage(sides.router, { image: "team/app", headers: { Host: "$(id);x" } });

    expect(text).toContain("docker pull registry.example.com/team/app:latest");
  });

  it("asks no registry for HEAD, nor for a link from another site", async () => {
    await using sides = await startSides();
    await fetchRaw(sides.router.url, "/?image=team/app", { method: "HEAD", headers: browser });
    for (const site of ["cross-site", "same-site"]) {
      const { text } = await fetchPage(sides.router, {
        image: "team/app",
        headers: { "Sec-Fetch-Site": site },
      });
      expect(textOf(text, "explanation")).toMatch(/so no registry has been asked yet/);
      expect(text).toContain('value="team/app"');
    }

    expect(sides.proxy.requests.filter(({ path }) => path !== "/v2/")).toEqual([]);
  });

  it("explains four images at a time, and tells others at once to come again", async () => {
    await using sides = await startSides();
    sides.hosted.addImage("team/app", { tag: "1" });
    const hanging = sides.proxy.fault({ path: /manifests/, hang: true });
    const ask = () => fetchPage(sides.router, { image: "team/app:1" });
    const waiting = Array.from({ length: 4 }, ask);
    await until(5_000, "four to wait", () => hanging.hits === 4);

    const fifth = await within(2_000, "the fifth", ask());

    expect(textOf(fifth.text, "explanation")).toMatch(/^Too many images/);
    hanging.remove();
    await sides.proxy.close();
    await Promise.all(waiting);
    expect(textOf((await ask()).text, "explanation")).toMatch(/^team\/app:1 pull from hosted/);
  });

  it.each([
    ["an answer", { hang: true } as const],
    ["the rest of one", { stallAt: 0 }],
  ])("waits for %s only as long as the browser does, and then frees its slot", async (_, fault) => {
    await using sides = await startSides();
    // An answer without a body to HEAD proves nothing here, so that there is one with a body.
    sides.proxy.fault({ method: "HEAD", path: /manifests/, status: 500 });
    const slow = sides.proxy.fault({ method: "GET", path: /manifests/, ...fault });
    sides.proxy.addImage("team/app", { tag: "1" });
    const leaving = Array.from({ length: 4 }, () => leave(sides.router.url, "/?image=team/app:1"));
    await until(5_000, "four to wait", () => slow.hits === 4);
    slow.remove();

    for (const request of leaving) {
      request.destroy();
    }

    await until(5_000, "the proxy to be left alone", () => sides.proxy.openResponses === 0);
    const { text } = await fetchPage(sides.router, { image: "team/app:1" });
    expect(textOf(text, "explanation")).toMatch(/^team\/app:1 pull from proxy/);
  });
});

/** Asks as a browser whose person does not wait. */
function leave(origin: string, path: string) {
  const request = httpRequest(`${origin}${path}`, { headers: browser, agent: false });
  request.on("error", () => undefined).end();
  return request;
}
