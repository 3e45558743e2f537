import { describe, expect, it } from "@jest/globals";
import { answerRows } from "./routing-contract/answer-rows.ts";
import { memoryRows } from "./routing-contract/memory-rows.ts";
import { nameRows } from "./routing-contract/name-rows.ts";
import { chartRules, pageRules } from "./routing-contract/page.ts";
import { requestRows } from "./routing-contract/request-rows.ts";
import { type Seeded, startContractSides } from "./routing-contract/sides.ts";
import { fetchRaw } from "./support/client.ts";

/** In the order of the page. */
const rows = [...nameRows, ...requestRows, ...answerRows, ...memoryRows];

function withDigests(target: string, { own, ownLayer, hub, hubLayer }: Seeded): string {
  return target
    .replace("{own}", own)
    .replace("{ownLayer}", ownLayer)
    .replace("{hub}", hub)
    .replace("{hubLayer}", hubLayer.digest);
}

describe("docs/routing.md", () => {
  it("has rules that are numbered without a gap, each with a row below and a place in the flowchart", () => {
    const numbers = pageRules.map((_, index) => `R${index + 1}`);

    expect(pageRules.map(({ rule }) => rule)).toEqual(numbers);
    expect([...new Set(rows.map(({ rule }) => rule))]).toEqual(numbers);
    expect([...chartRules].sort()).toEqual([...numbers].sort());
  });

  it.each(pageRules.filter(({ methods }) => methods !== undefined))(
    "has a row below for each method of $rule",
    ({ rule, methods }) => {
      const cited = rows.filter((row) => row.rule === rule).map(({ ask }) => ask.split(" ")[0]);

      expect([...new Set(cited)].sort()).toEqual([...(methods ?? [])].sort());
    },
  );
});

describe("the route contract", () => {
  it.each(rows)("$rule: $ask is $status", async (row) => {
    await using sides = await startContractSides(row);
    const { router, seeded } = sides;
    for (const target of row.after ?? []) {
      await fetchRaw(router.url, target);
    }
    sides.asked();
    const [method = "", target = ""] = withDigests(row.ask, seeded).split(" ");

    const send = () =>
      fetchRaw(router.url, target, {
        method,
        ...(row.headers !== undefined && { headers: row.headers }),
        ...(row.body !== undefined && { body: row.body(seeded) }),
      });
    const answers = await Promise.all(Array.from({ length: row.together ?? 1 }, send));

    // Where one asks, a list or a copy may take several requests of one upstream.
    const asked = row.together === undefined ? [...new Set(sides.asked())] : sides.asked();
    for (const { status, headers } of answers) {
      const by = String(headers["x-combined-registry"] ?? "router").split(";")[0];
      expect({ status, by, asked, warned: "warning" in headers }).toEqual({
        status: row.status,
        by: row.by ?? "router",
        asked: row.asked,
        warned: row.warned ?? false,
      });
    }
  });
});
