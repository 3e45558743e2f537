import { readFileSync } from "node:fs";
import type { UpstreamTlsConfig } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { completeConfig } from "../../src/config/complete-config.ts";
import { ConfigError, type ConfigProblem } from "../../src/config/problems.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("test-only.cert.pem");
const key = fixture("test-only.key.pem");
const otherKey = fixture("test-only-other.key.pem");
const half = cert.slice(0, cert.length / 2);
const scrambled = cert.replace(/^M.*$/m, (line) => [...line].reverse().join(""));

function problemsOf(written: object): readonly ConfigProblem[] {
  try {
    completeConfig(written);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    throw error;
  }
}

const withTls = (tls: UpstreamTlsConfig) => ({
  hosted: { url: "https://hosted:1", tls },
  proxy: { url: "https://proxy:1", tls },
});
const pair = "a PEM certificate and the private key that belongs to it";

describe("certificates and keys of upstreams", () => {
  it.each<[string, UpstreamTlsConfig]>([
    ["one issuer", { ca: cert }],
    ["several issuers with text around them", { ca: `first\n${cert}\nsecond\r\n${cert}end` }],
    ["a certificate and its key", { cert, key }],
    ["a certificate with its chain", { cert: cert + cert, key }],
    ["lines that end in blanks", { ca: cert.replace(/-----\n/g, "----- \t\n") }],
    ["no newline at the end", { ca: cert.trim() }],
    ["a mark of the byte order", { ca: `\uFEFF${cert}` }],
    ["all of it", { ca: cert, cert, key }],
  ])("are accepted: %s", (_, tls) => {
    expect(problemsOf(withTls(tls))).toEqual([]);
  });

  it.each<[string, UpstreamTlsConfig, string, string, string]>([
    ["nothing to read", { ca: "\n" }, "ca", "PEM certificates", "text without a certificate"],
    ["a name of a file", { ca: "/etc/ssl/ca.pem" }, "ca", "PEM certificates", "text without a certificate"],
    ["a key for an issuer", { ca: key }, "ca", "PEM certificates", "text without a certificate"],
    ["half an issuer", { ca: half }, "ca", "PEM certificates", "text of which 1 of 1 cannot be read"],
    [
      "half of the second",
      { ca: cert + half },
      "ca",
      "PEM certificates",
      "text of which 1 of 2 cannot be read",
    ],
    [
      "half of the first",
      { ca: `${half}\n${cert}` },
      "ca",
      "PEM certificates",
      "text of which 1 of 2 cannot be read",
    ],
    [
      "one scrambled",
      { ca: scrambled + cert },
      "ca",
      "PEM certificates",
      "text of which 1 of 2 cannot be read",
    ],
    ["no certificate", { cert: "x", key }, "cert", pair, "which OpenSSL refuses (no start line)"],
    ["no key", { cert, key: "x" }, "cert", pair, "which OpenSSL refuses (unsupported)"],
    ["another key", { cert, key: otherKey }, "cert", pair, "which OpenSSL refuses (key values mismatch)"],
  ])("are refused at once, rather than by every request: %s", (_, tls, name, expected, given) => {
    expect(problemsOf(withTls(tls))).toEqual(
      ["hosted", "proxy"].map((upstream) => ({ option: `${upstream}.tls.${name}`, expected, given })),
    );
  });

  it.each([
    ["an end and a beginning on one line", cert.trim() + cert, 2],
    ["blanks before a beginning", cert + cert.replace(/^/, "  "), 1],
    ["blanks before every line", cert.replace(/^/gm, "  "), 1],
    ["text before a BEGIN line", `ca: ${cert}`, 1],
    ["text after an END line", `${cert.trim()} end\n`, 1],
    ["blanks before an end", cert.replace("-----END", " -----END"), 1],
    ["an end on the last line", cert.replace("\n-----END", "-----END"), 1],
    ["a beginning on the first line", cert.replace("-----\n", "-----"), 1],
    ["lines that end in nothing but CR", cert.replaceAll("\n", "\r"), 1],
  ])("are refused where Node would silently ignore them: %s", (_, ca, unread) => {
    const begun = ca.match(/BEGIN/g)?.length;
    expect(problemsOf({ hosted: "http://hosted:1", proxy: { url: "https://proxy:1", tls: { ca } } })).toEqual(
      [
        {
          option: "proxy.tls.ca",
          expected: "PEM certificates",
          given: `text of which ${unread} of ${begun} cannot be read`,
        },
      ],
    );
  });

  it("are refused where Node would omit one from the chain", () => {
    const tls = { cert: `${cert} ${cert}`, key };

    expect(problemsOf({ hosted: "http://hosted:1", proxy: { url: "https://proxy:1", tls } })).toEqual([
      { option: "proxy.tls.cert", expected: pair, given: "text of which 1 of 2 cannot be read" },
    ]);
  });

  it("of proxies in a list are named with their index", () => {
    const bad = { url: "https://proxy:1", tls: { ca: "x" } };
    const options = (proxy: unknown) =>
      problemsOf({ hosted: "http://h:1", proxy }).map(({ option }) => option);

    expect(options([bad])).toEqual(["proxy[0].tls.ca"]);
    expect(options(["http://p:1", bad])).toEqual(["proxy[1].tls.ca"]);
  });

  it("are not repeated in messages", () => {
    const said = JSON.stringify(problemsOf(withTls({ ca: key, cert: key, key: cert })));

    expect(said).not.toMatch(/BEGIN|MI/);
  });
});
