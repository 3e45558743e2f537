import { describe, expect, it } from "@jest/globals";
import { type SimulatedOutcome, simulateFailover } from "../../src/inspect/simulate.ts";
import type { FailureKind } from "../../src/routing/outcome.ts";
import { candidate } from "../support/candidate.ts";

const hosted = candidate("hosted", "hosted");
const proxy = candidate("proxy", "proxy");
const other = candidate("other", "proxy");

const found: SimulatedOutcome = { outcome: "found", status: 200 };
const absent: SimulatedOutcome = { outcome: "not_found", status: 404 };
const failed = (kind: FailureKind, cause: string): SimulatedOutcome => ({
  outcome: "failed",
  failure: { kind, cause },
});

interface Row {
  readonly order?: readonly (typeof hosted)[];
  readonly said: Readonly<Record<string, SimulatedOutcome>>;
  readonly out?: readonly string[];
  readonly stopsAtFailure?: boolean;
  readonly remembered?: typeof hosted;
}

function end({ order = [proxy, hosted], said, out = [], stopsAtFailure = false, remembered }: Row) {
  const { by, status, because } = simulateFailover(
    { order, stopsAtFailure, remembered },
    ({ name }) => said[name] ?? absent,
    ({ name }) => out.includes(name),
  );
  return [by?.name, status, because];
}

describe("how a pull would end", () => {
  it.each<[string, Row, unknown[]]>([
    ["the first has it", { said: { proxy: found, hosted: found } }, ["proxy", 200, "it is asked first"]],
    [
      "hosted is first",
      { order: [hosted, proxy], said: { hosted: found } },
      ["hosted", 200, "hosted is asked first"],
    ],
    ["the second has it", { said: { hosted: found } }, ["hosted", 200, "proxy not found"]],
    [
      "hosted has it, and a proxy could not tell",
      { said: { proxy: failed("unreachable", "connection refused"), hosted: found } },
      ["hosted", 200, "proxy failed (connection refused)"],
    ],
    [
      "a failure ends it",
      { said: { proxy: failed("unreachable", "connection refused"), hosted: found }, stopsAtFailure: true },
      [undefined, 502, "proxy failed (connection refused)"],
    ],
    ["nobody has it", { said: {} }, [undefined, 404, "proxy not found, hosted not found"]],
    [
      "somebody was late",
      { said: { proxy: failed("timeout", "no answer") } },
      [undefined, 504, "proxy failed (no answer), hosted not found"],
    ],
    [
      "somebody sets limits",
      { said: { proxy: failed("rate-limited", "rate limited") } },
      [undefined, 429, "proxy failed (rate limited), hosted not found"],
    ],
    [
      "hosted has its own word",
      { said: { hosted: { outcome: "final", status: 401 } } },
      ["hosted", 401, "proxy not found"],
    ],
    [
      "one that is left out is passed over",
      { said: { proxy: found, hosted: found }, out: ["proxy"] },
      ["hosted", 200, "proxy failed (circuit open)"],
    ],
    [
      "one that is left out is asked when nobody else has it",
      { order: [proxy, other, hosted], said: { proxy: found }, out: ["proxy"] },
      ["proxy", 200, "its circuit is open; it is asked as the last resort, as no other upstream has it"],
    ],
    [
      "one that is left out and has it not",
      { said: {}, out: ["proxy"] },
      [undefined, 503, "proxy failed (circuit open), hosted not found"],
    ],
    [
      "memory has moved it to the front",
      { order: [hosted, proxy], said: { hosted: found }, remembered: hosted },
      ["hosted", 200, "it served this repository last"],
    ],
    ["nobody may be asked", { order: [], said: {} }, [undefined, 404, "nobody may be asked"]],
  ])("%s", (_, row, expected) => {
    expect(end(row)).toEqual(expected);
  });
});
