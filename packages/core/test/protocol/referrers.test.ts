import { describe, expect, it } from "@jest/globals";
import {
  type Descriptor,
  imageIndex,
  mergeReferrers,
  ofTypes,
  readReferrer,
  referrersTag,
  wantedTypes,
} from "../../src/protocol/referrers.ts";

describe("the referrers tag", () => {
  it.each([
    [`sha256:${"a".repeat(64)}`, `sha256-${"a".repeat(64)}`],
    [`sha512:${"a".repeat(64)}${"b".repeat(64)}`, `sha512-${"a".repeat(64)}`],
    // Not registered: the tag could be an ordinary one.
    ["1.25:alpine", undefined],
    ["test+algorithm+using+algorithm+separators+and+lots+of+characters:=Ab_-", undefined],
    ["sha256:abc", undefined],
  ])("of %s is %s", (subject, tag) => {
    expect(referrersTag(subject)).toBe(tag);
  });
});

describe("the artifactType filter", () => {
  const descriptors: Descriptor[] = [
    { digest: "1", artifactType: "a" },
    { digest: "2", artifactType: 7 },
    { digest: "3" },
  ];

  it.each<[string, string[]]>([
    ["", ["1", "2", "3"]],
    ["?artifactType=", ["1", "2", "3"]],
    ["?artifactType=a", ["1"]],
    ["?artifactType=a&artifactType=b", ["1"]],
    ["?artifactType=undefined", []],
    ["?artifactType=7", []],
  ])("of %s leaves %j", (search, digests) => {
    expect(ofTypes(descriptors, wantedTypes(search)).map(({ digest }) => digest)).toEqual(digests);
  });
});

describe("lists of referrers", () => {
  const a = { digest: "aa" };
  const b = { digest: "bb" };
  const c = { digest: "cc" };

  it.each([0, -1])("are joined up to the limit and %i bytes, whole or not at all", (more) => {
    const limit = imageIndex([a, b, c]).length + 1 + more;
    const joined = mergeReferrers(
      [
        [a, b],
        [b, c, { digest: "d" }],
        [b, b, c],
      ],
      limit,
    );

    expect(joined).toEqual(
      more === 0 ? { descriptors: [a, b, c], leftOut: [1] } : { descriptors: [a, b], leftOut: [1, 2] },
    );
  });
});

describe("what a manifest refers to", () => {
  const digest = `sha256:${"a".repeat(64)}`;

  it.each([
    ["no JSON", "x"],
    ["no object", "[]"],
    ["null", "null"],
    ["no subject", "{}"],
    ["a subject that is no descriptor", '{"subject":"x"}'],
    ["a subject without a digest", '{"subject":{}}'],
    ["a subject whose digest is none", '{"subject":{"digest":"sha256:short"}}'],
  ])("is undefined: %s", (_, manifest) => {
    expect(readReferrer(Buffer.from(manifest))).toBeUndefined();
  });

  it("comes with its artifact type, or the media type of its config", () => {
    const read = (more: object) =>
      readReferrer(Buffer.from(JSON.stringify({ subject: { digest }, ...more })))?.artifactType;

    expect(read({ artifactType: "a", config: { mediaType: "c" } })).toBe("a");
    expect(read({ artifactType: "", config: { mediaType: "c" } })).toBe("c");
    expect(read({})).toBeUndefined();
  });
});
