import { describe, expect, it } from "@jest/globals";
import { byteRangeOf, rangeFor, restOf, skip } from "../../src/protocol/range.ts";

const blob = { first: 0, last: 99, total: 100 };

describe("the range that a response carries", () => {
  it.each([
    ["all", 200, ["Content-Length", "100"], blob],
    [
      "a range",
      206,
      ["Content-Length", "10", "Content-Range", "bytes 90-99/100"],
      { first: 90, last: 99, total: 100 },
    ],
    [
      "a range of something whose length it does not tell",
      206,
      ["Content-Length", "10", "Content-Range", "bytes 90-99/*"],
      { first: 90, last: 99, total: undefined },
    ],
    ["nothing that it tells the length of", 200, [], undefined],
    ["an empty body", 200, ["Content-Length", "0"], undefined],
    ["something compressed", 200, ["Content-Length", "100", "Content-Encoding", "gzip"], undefined],
    [
      "a range and another length",
      206,
      ["Content-Length", "11", "Content-Range", "bytes 90-99/100"],
      undefined,
    ],
    ["a range without saying which", 206, ["Content-Length", "10"], undefined],
    ["several ranges", 206, ["Content-Length", "10", "Content-Type", "multipart/byteranges"], undefined],
    ["a range backwards", 206, ["Content-Length", "1", "Content-Range", "bytes 9-8/100"], undefined],
    ["a number no computer counts to", 200, ["Content-Length", "99999999999999999999"], undefined],
    ["something else", 304, ["Content-Length", "100"], undefined],
  ] as const)("%s", (_, status, headers, expected) => {
    expect(byteRangeOf(status, headers)).toEqual(expected);
  });
});

describe("the rest of an incomplete body", () => {
  it("is requested by its absolute range", () => {
    const rest = restOf({ first: 10, last: 99, total: 100 }, 5);

    expect(rest).toEqual({ first: 15, last: 99, total: 100 });
    expect(rest && rangeFor(rest)).toBe("bytes=15-99");
  });

  it("is nothing when everything was sent", () => {
    expect(restOf(blob, 100)).toBeUndefined();
  });

  it.each([
    ["exactly it", { first: 40, last: 99, total: 100 }, 0],
    ["it, of an unknown total", { first: 40, last: 99, total: undefined }, 0],
    ["everything", blob, 40],
    ["less", { first: 40, last: 98, total: 100 }, undefined],
    ["something that begins later", { first: 41, last: 99, total: 100 }, undefined],
    ["something that reaches further", { first: 0, last: 100, total: 101 }, undefined],
    ["another content of the same numbers", { first: 40, last: 99, total: 200 }, undefined],
  ] as const)("is found in an answer that carries %s", (_, given, expected) => {
    expect(skip({ first: 40, last: 99, total: 100 }, given)).toBe(expected);
  });
});
