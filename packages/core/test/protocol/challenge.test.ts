import { describe, expect, it } from "@jest/globals";
import { parseChallenges } from "../../src/protocol/challenge.ts";

function read(...values: string[]): [string, Record<string, string>][] {
  return parseChallenges(values).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("parseChallenges", () => {
  it.each<[string, string, [string, Record<string, string>][]]>([
    [
      "Docker Hub's",
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push",error="insufficient_scope"',
      [
        [
          "bearer",
          {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:library/nginx:pull,push",
            error: "insufficient_scope",
          },
        ],
      ],
    ],
    ["distribution's Basic", 'Basic realm="labrealm"', [["basic", { realm: "labrealm" }]]],
    [
      "two in one value",
      'Basic realm="a, b", charset="UTF-8", Bearer realm="https://t",service=x',
      [
        ["basic", { realm: "a, b", charset: "UTF-8" }],
        ["bearer", { realm: "https://t", service: "x" }],
      ],
    ],
    [
      "escaped quotes and odd spacing",
      'BEARER  Realm = "a\\"b" ,\tservice="\\\\"',
      [["bearer", { realm: 'a"b', service: "\\" }]],
    ],
    [
      "a token68",
      "Negotiate YWJj==, Basic realm=x",
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    ["a bare scheme", "Negotiate", [["negotiate", {}]]],
    ["an open quote", 'Bearer realm="https://t', [["bearer", {}]]],
    ["rubbish at the end", 'Basic realm="x", \u0000', [["basic", { realm: "x" }]]],
    ["nothing", "", []],
    ["commas", ",,, ,", []],
  ])("%s", (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it("reads repeated headers in order", () => {
    expect(read("Basic realm=x", "Bearer realm=y").map(([scheme]) => scheme)).toEqual(["basic", "bearer"]);
  });

  it.each(['Bearer realm="', "Bearer ", "Bearer a=,", "a ", '\\"', "Basic\t"])(
    "takes hostile repetition of %j in its stride",
    (piece) => {
      // Were it not linear, this would not come back at all.
      expect(parseChallenges([`Bearer realm="${piece.repeat(200_000)}`]).length).toBeGreaterThan(0);
    },
  );
});
