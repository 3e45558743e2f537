import { describe, expect, it } from "@jest/globals";
import { nextQuery } from "../../src/protocol/locations.ts";

describe("the query of the next page", () => {
  it.each([
    [['</v2/a/tags/list?last=b&n=2>; rel="next"'], "?last=b&n=2"],
    [["<https://elsewhere.example/x?cursor=1>; rel=next"], "?cursor=1"],
    [['<?a=1>; rel="prev", <?a=2>; rel="next"'], "?a=2"],
    [['<?a=1>; rel="prev"', '<?a=2>; title="x"; rel="next"'], "?a=2"],
    [['</v2/a/tags/list>; rel="next"'], undefined],
    [['</x?a=1>; rel="last"'], undefined],
    [[], undefined],
  ])("of %j is %s", (links, expected) => {
    expect(nextQuery(links)).toBe(expected);
  });
});
