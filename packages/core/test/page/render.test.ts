import { describe, expect, it } from "@jest/globals";
import { ago, bytes, shortDigest } from "../../src/page/format.ts";
import { html } from "../../src/page/html.ts";
import type { Model } from "../../src/page/model.ts";
import { renderPage } from "../../src/page/render.ts";

const evil = `"><img src=x onerror=alert(1)>'</td>`;
const hour = { answered: 1, down: 2, up: 3, asked: 4, failed: 5 };
const access = { pull: [evil], push: "authenticated" } as const;

/** Says the same everywhere. */
function modelOf(said: string): Model {
  const digest = { name: said, digest: said };
  return {
    now: 0,
    version: said,
    oneOfSeveral: 17,
    hasMetricsOfAll: true,
    upstreams: [
      { name: said, kind: "proxy", up: false, breaker: "open", status: 502, latency: 1, cause: said, hour },
    ],
    router: hour,
    names: {
      restricted: true,
      decisions: [{ at: 0, what: said, of: said, status: 500, upstream: said, reason: said }],
      shadows: [{ repository: said, tag: said, hosted: digest, proxy: digest }],
      box: {
        image: said,
        answer: {
          kind: "explained",
          pull: said,
          push: said,
          explanation: {
            image: said,
            repository: said,
            reference: said,
            host: { name: said, means: "hosts" },
            rule: {
              name: said,
              match: [said],
              pull: [said],
              push: "hosted",
              onFailure: "stop",
              owned: true,
              shadow: "warn",
              access,
            },
            upstreams: [
              {
                name: said,
                kind: "proxy",
                repository: said,
                outcome: "failed",
                method: "HEAD",
                latency: 1,
                cause: said,
                breaker: "open",
              },
            ],
            skipped: [{ name: said, kind: "hosted", reason: said }],
            pull: { from: said, status: 200, because: said },
            stopsAfterFailureOf: [said],
            push: { to: said, because: said },
            shadowing: [{ hosted: digest, proxy: digest }],
            advice: [said],
          },
        },
      },
    },
  };
}

/** Names of elements and of their attributes, in order. */
const shapeOf = (markup: string) =>
  [...markup.matchAll(/<(\/?\w+)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*>/g)].map(([, element, attributes = ""]) => [
    element,
    attributes.replace(/="[^"]*"/g, ""),
  ]);

describe("the page", () => {
  it("has the same markup whatever is in the names, messages and errors that it shows", () => {
    const plain = renderPage(modelOf("usual")).markup;
    const shown = renderPage(modelOf(evil)).markup;

    expect(shapeOf(shown)).toEqual(shapeOf(plain));
    expect(shown).not.toContain("<img");
    expect(shown.split(html`${evil}`.markup).length).toBe(plain.split("usual").length);
  });

  it("keeps patterns and users of a rule to itself", () => {
    const { markup } = renderPage(modelOf("usual"));

    expect(markup).toContain("pulled by some users; pushed by every user");
  });

  it("says that it is of one process where there are several", () => {
    expect(renderPage(modelOf("usual")).markup).toContain("of this process (17) alone");
    expect(renderPage({ ...modelOf("usual"), oneOfSeveral: undefined }).markup).not.toContain(
      "one of several",
    );
  });
});

describe("figures", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1024 ** 2 - 1, "1.0 MiB"],
    [150 * 1024 ** 3, "150 GiB"],
  ])("%i bytes are %s", (count, said) => {
    expect(bytes(count)).toBe(said);
  });

  it.each([
    [-5, "0 s ago"],
    [59_400, "59 s ago"],
    [60_000, "1 min ago"],
    [7_200_000, "2 h ago"],
  ])("%i ms are %s", (milliseconds, said) => {
    expect(ago(milliseconds)).toBe(said);
  });

  it("digests are cut wherever they stand, and nothing else is", () => {
    expect(shortDigest(`app@sha256:${"0a".repeat(32)} of app:1`)).toBe("app@sha256:0a0a0a0a0a0a… of app:1");
  });
});
