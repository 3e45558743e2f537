import { describe, expect, it } from "@jest/globals";
import { RegistryError } from "../../src/protocol/errors.ts";
import {
  firstNames,
  listSearch,
  mergeNames,
  mostNames,
  nextLink,
  orderOf,
  parseListQuery,
  readNames,
} from "../../src/protocol/lists.ts";

const order = orderOf("tags");

describe("the query of a list", () => {
  it.each([
    ["", { limit: mostNames, last: "", n: undefined, rest: "" }],
    ["?n=7&last=v1", { limit: 7, last: "v1", n: "7", rest: "" }],
    ["?n=0", { limit: 0, last: "", n: "0", rest: "" }],
    ["?n=", { limit: mostNames, last: "", n: undefined, rest: "" }],
    ["?n=10001", { limit: mostNames, last: "", n: "10001", rest: "" }],
    ["?last=a%2Fb&ns=docker.io&%6e=3&x", { limit: 3, last: "a/b", n: "3", rest: "ns=docker.io&x" }],
    ["?ns=a%20b&&y=1+2", { limit: mostNames, last: "", n: undefined, rest: "ns=a%20b&y=1+2" }],
  ])("%s", (search, expected) => {
    expect(parseListQuery(search)).toEqual(expected);
  });

  it.each(["?n=-1", "?n=x", "?n=1.0", "?n=+1", "?n=1e3", "?n=%00"])("%s is refused", (search) => {
    expect(() => parseListQuery(search)).toThrow(RegistryError);
  });

  it("is rewritten for a page, and keeps other parameters", () => {
    expect(listSearch({ rest: "" }, {})).toBe("");
    expect(listSearch({ rest: "" }, { n: 5 })).toBe("?n=5");
    expect(listSearch({ rest: "ns=x" }, { last: "a/b&c=d", n: 5 })).toBe("?ns=x&last=a%2Fb%26c%3Dd&n=5");
  });

  it("makes a Link header that no name can break out of", () => {
    const query = parseListQuery('?x=>;rel="next"&n=2');

    expect(nextLink("/v2/a/tags/list", query, 'b>"c')).toBe(
      '</v2/a/tags/list?x=%3E;rel="next"&last=b%3E%22c&n=2>; rel="next"',
    );
  });
});

describe("the names in an answer", () => {
  it.each([
    ['{"name":"a","tags":["b","a"]}', "tags", ["b", "a"]],
    ['{"repositories":[]}', "catalog", []],
    ['{"name":"a","tags":null}', "tags", null],
    ['{"name":"a"}', "tags", null],
    ['{"message":"a"}', "tags", undefined],
    ['{"tags":["a",null]}', "tags", undefined],
    ['{"tags":"a"}', "tags", undefined],
    ['{"tags":["a"]}', "catalog", undefined],
    ["[]", "tags", undefined],
    ["null", "tags", undefined],
    ["", "tags", undefined],
  ] as const)("%s as %s", (body, kind, expected) => {
    expect(readNames(body, kind)).toEqual(expected);
  });
});

describe("merging lists", () => {
  const all = (...names: string[]) => ({ names, more: false });
  const some = (...names: string[]) => ({ names, more: true });

  it("sorts names without duplicates, and tells whether there are more", () => {
    expect(firstNames(["b", "a", "b", "B"], order, 3)).toEqual(all("B", "a", "b"));
    expect(firstNames(["b", "a", "b", "B"], order, 2)).toEqual(some("B", "a"));
  });

  it.each([
    ["nothing", [], 2, all()],
    ["whole lists", [all("a", "c"), all("b", "c")], 3, all("a", "b", "c")],
    ["more than a page", [all("a", "c"), all("b", "c")], 2, some("a", "b")],
    ["as far as an incomplete list is known", [some("a", "c"), all("b", "d")], 9, some("a", "b", "c")],
    ["as far as the shortest of them", [some("a", "c"), some("b"), all("z")], 9, some("a", "b")],
    ["none, if none is wanted", [all("a")], 0, some()],
  ] as const)("%s", (_, lists, count, expected) => {
    expect(mergeNames(lists, order, count)).toEqual(expected);
  });
});
