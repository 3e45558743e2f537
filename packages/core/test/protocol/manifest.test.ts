import { describe, expect, it } from "@jest/globals";
import { mayLackParts, withFurtherError } from "../../src/protocol/error-body.ts";
import { hasParts, partsOf } from "../../src/protocol/manifest.ts";

const [a, b, c] = ["a", "b", "c"].map((letter) => `sha256:${letter.repeat(64)}`);

function partsIn(manifest: unknown) {
  const { blobs, children } = partsOf(Buffer.from(JSON.stringify(manifest)));
  return { blobs: blobs.map(({ digest }) => digest), children: children.map(({ digest }) => digest) };
}

describe("what a manifest refers to", () => {
  it.each<[string, unknown, readonly unknown[], readonly unknown[]]>([
    [
      "of an image: configuration and layers, each once",
      { config: { digest: a }, layers: [{ digest: b }, { digest: b }] },
      [a, b],
      [],
    ],
    ["of an index: its manifests", { manifests: [{ digest: a }, { digest: c }, { digest: a }] }, [], [a, c]],
    ["of an artifact manifest: its blobs", { blobs: [{ digest: c }] }, [c], []],
    ["but not layers that live elsewhere", { layers: [{ digest: a, urls: ["http://x"] }] }, [], []],
    ["but not its subject", { subject: { digest: a } }, [], []],
    ["nor what is no digest", { config: { digest: "../x" }, layers: [{ digest: 1 }, {}, null, 3] }, [], []],
    ["nor anything in lists that are none", { config: [a], layers: { digest: a }, manifests: null }, [], []],
    ["nothing of what is no object", [a], [], []],
    ["nothing of null", null, [], []],
  ])("%s", (_, manifest, blobs, children) => {
    expect(partsIn(manifest)).toEqual({ blobs, children });
    expect(hasParts(Buffer.from(JSON.stringify(manifest)))).toBe(blobs.length + children.length > 0);
  });

  it("is nothing for invalid JSON; a size is a number or unknown", () => {
    const sized = {
      layers: [
        { digest: a, size: 3 },
        { digest: b, size: "3" },
      ],
    };

    expect(partsOf(Buffer.from("no"))).toEqual({ blobs: [], children: [] });
    expect(partsOf(Buffer.from(JSON.stringify(sized))).blobs.map(({ size }) => size)).toEqual([3, undefined]);
  });
});

describe("an error response for a manifest", () => {
  const refusal = (code: string) => JSON.stringify({ errors: [{ code, message: "m", detail: a }] });

  it.each([
    [400, "MANIFEST_BLOB_UNKNOWN", "likely"],
    [404, "MANIFEST_BLOB_UNKNOWN", "likely"],
    [404, "BLOB_UNKNOWN", "likely"],
    [404, "MANIFEST_UNKNOWN", "likely"],
    [404, "NAME_UNKNOWN", "likely"],
    [400, "MANIFEST_INVALID", "likely"],
    [400, "TAG_INVALID", "no"],
    [403, "DENIED", "no"],
    [500, "MANIFEST_BLOB_UNKNOWN", "likely"],
    [500, "UNKNOWN", "unlikely"],
    [422, "OF_ITS_OWN", "unlikely"],
    [413, "UNKNOWN", "no"],
    [201, "MANIFEST_BLOB_UNKNOWN", "no"],
  ])("%i %s may mean missing content: %s", (status, code, expected) => {
    expect(mayLackParts(status, refusal(code))).toBe(expected);
  });

  it("keeps its errors when one more is added", () => {
    expect(JSON.parse(withFurtherError(refusal("BLOB_UNKNOWN"), "UPSTREAM_FAILED", "why"))).toEqual({
      errors: [
        { code: "BLOB_UNKNOWN", message: "m", detail: a },
        { code: "UPSTREAM_FAILED", message: "why", detail: null },
      ],
    });
  });
});
