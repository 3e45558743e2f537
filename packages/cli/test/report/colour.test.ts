import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { painter, wantsColour } from "../../src/report/colour.ts";
import { table } from "../../src/report/table.ts";

describe("colours", () => {
  test.each<[string, NodeJS.ProcessEnv, terminal: boolean, expected: boolean]>([
    ["on a terminal", {}, true, true],
    ["not elsewhere", {}, false, false],
    ["not with NO_COLOR", { NO_COLOR: "1" }, true, false],
    ["with an empty NO_COLOR, which says nothing", { NO_COLOR: "" }, true, true],
    ["not on a dumb terminal", { TERM: "dumb" }, true, false],
    ["elsewhere with FORCE_COLOR", { FORCE_COLOR: "1" }, false, true],
    ["not with FORCE_COLOR=0", { FORCE_COLOR: "0" }, true, false],
    ["with FORCE_COLOR, which is stronger than NO_COLOR", { FORCE_COLOR: "", NO_COLOR: "1" }, false, true],
  ])("%s", (_, environment, terminal, expected) => {
    expect(wantsColour(environment, terminal)).toBe(expected);
  });

  test("do not change the width of columns, nor text without them", () => {
    const rows = [
      ["a", "long"],
      ["longer", "b"],
    ];
    const plain = table(rows, (cell) => painter(false)("good", cell));
    const coloured = table(rows, (cell) => painter(true)("good", cell));

    expect(plain).toBe("  a       long\n  longer  b");
    expect(coloured).toContain("\u001b[32ma\u001b[39m       \u001b[32mlong\u001b[39m");
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});
