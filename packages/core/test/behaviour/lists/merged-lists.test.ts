import { describe, expect, it } from "@jest/globals";
import { listAllPages, numbered, registryWith, shuffled, union } from "../../support/lists.ts";
import { startRouter } from "../../support/router.ts";

const manners = ["sorted", "case-insensitive", "whole", "cursor"] as const;

describe("all pages of merged tags have every tag exactly once, in order", () => {
  const upper = numbered(500).map((tag) => tag.toUpperCase());

  it.each([
    [1, 300],
    [7, 3_000],
    [100, 200],
    [1_000, 30],
    [10_000, 5],
  ])(
    "n=%i, members with 0, 1, 999 and 10,000 tags",
    async (n, mostPages) => {
      const many = numbered(10_000);
      const some = [...numbered(499, 9_800), ...upper];
      await using none = await registryWith([]);
      await using one = await registryWith(["latest"]);
      await using hosted = await registryWith(shuffled(some));
      await using proxy = await registryWith(many);
      await using router = await startRouter({
        hosted: hosted.url,
        proxy: [none.url, one.url, proxy.url],
        lists: "merge",
      });
      // With n=1, all pages take a minute. Starting near the first common tag, there are about a hundred.
      const start = n === 1 ? "t09850" : "";

      const { names } = await listAllPages(router.url, `/v2/r/tags/list?n=${n}&last=${start}`, mostPages * 2);

      expect(names).toEqual(union(many, some, ["latest"]).filter((name) => name > start));
    },
    120_000,
  );

  const sizes = {
    sorted: [1, 7, 100, 1_000],
    whole: [1, 7],
    "case-insensitive": [7, 100],
    cursor: [7, 1_000],
  };

  it.each(manners.flatMap((lists) => sizes[lists].map((n) => [lists, n] as const)))(
    "a member with 999 tags that lists %s, n=%i",
    async (lists, n) => {
      const theirs = [...numbered(500, 200), ...upper.slice(1)];
      const ours = numbered(300);
      await using hosted = await registryWith(ours);
      await using proxy = await registryWith(shuffled(theirs), { lists });
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

      const { names } = await listAllPages(router.url, `/v2/r/tags/list?n=${n}`, 1_500);

      expect(names).toEqual(union(ours, theirs));
    },
    120_000,
  );

  it.each(manners)("a member with 10,000 tags that lists %s", async (lists) => {
    const theirs = shuffled([...numbered(5_000), ...numbered(5_000, 5_000).map((tag) => tag.toUpperCase())]);
    await using hosted = await registryWith(["latest"]);
    await using proxy = await registryWith(theirs, { lists });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    const { names } = await listAllPages(router.url, "/v2/r/tags/list?n=1000", 20);

    expect(names).toEqual(union(theirs, ["latest"]));
  });
});
