import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it } from "@jest/globals";
import { predictPull, type RecordedOutcome } from "../../src/inspect/predict-pull.ts";
import type { ManifestOutcome } from "../../src/pull/manifest.ts";
import type { FailureKind } from "../../src/routing/classify.ts";
import { candidate } from "../support/candidate.ts";

const hosted = candidate("hosted", "hosted");
const proxy = candidate("proxy", "proxy");
const other = candidate("other", "proxy");

const answer = (status: number) => ({ status, headers: [], body: new IncomingMessage(new Socket()) });
const none = Buffer.alloc(0);
const found: ManifestOutcome = { outcome: "found", answer: answer(200), body: none };
const notFound: ManifestOutcome = { outcome: "not_found", answer: answer(404), body: none };
const final = (status: number): ManifestOutcome => ({
  outcome: "final",
  answer: answer(status),
  body: none,
});
const failed = (kind: FailureKind, cause: string): ManifestOutcome => ({
  outcome: "failed",
  failure: { kind, cause },
});

interface Row {
  readonly order?: readonly (typeof hosted)[];
  readonly said: Readonly<Record<string, ManifestOutcome>>;
  readonly open?: readonly string[];
  readonly stopsAfter?: "any" | "hosted" | "none";
  readonly remembered?: typeof hosted;
}

async function predicted({ order = [proxy, hosted], said, open = [], stopsAfter = "none", remembered }: Row) {
  const records = new Map(
    order.map((member): [typeof hosted, RecordedOutcome] => [
      member,
      { outcome: said[member.name] ?? notFound, breaker: open.includes(member.name) ? "open" : "closed" },
    ]),
  );
  const { from, status, because } = await predictPull(
    { order, stopsAfter, hinted: remembered, excusesProxies: false },
    records,
  );
  return [from, status, because];
}

describe("what a pull gets, by the failover of pulls and recorded answers", () => {
  it.each<[string, Row, unknown[]]>([
    ["the first has it", { said: { proxy: found, hosted: found } }, ["proxy", 200, "it is asked first"]],
    [
      "hosted is first",
      { order: [hosted, proxy], said: { hosted: found } },
      ["hosted", 200, "hosted is asked first"],
    ],
    ["the second has it", { said: { hosted: found } }, ["hosted", 200, "proxy not found"]],
    [
      "hosted has it, and a proxy failed",
      { said: { proxy: failed("unreachable", "connection refused"), hosted: found } },
      ["hosted", 200, "proxy failed (connection refused)"],
    ],
    [
      "a failure ends it",
      { said: { proxy: failed("unreachable", "connection refused"), hosted: found }, stopsAfter: "any" },
      [undefined, 502, "proxy failed (connection refused), which ends the lookup before hosted"],
    ],
    [
      "a failure of hosted ends it",
      {
        order: [hosted, proxy, other],
        said: { hosted: failed("unreachable", "connection refused"), proxy: found },
        stopsAfter: "hosted",
      },
      [undefined, 502, "hosted failed (connection refused), which ends the lookup before proxy, other"],
    ],
    [
      "a failure of a proxy does not end it where only hosted's does",
      {
        order: [proxy, hosted],
        said: { proxy: failed("unreachable", "connection refused"), hosted: found },
        stopsAfter: "hosted",
      },
      ["hosted", 200, "proxy failed (connection refused)"],
    ],
    ["no upstream has it", { said: {} }, [undefined, 404, "proxy not found, hosted not found"]],
    [
      "one timed out",
      { said: { proxy: failed("timeout", "no answer") } },
      [undefined, 504, "proxy failed (no answer), hosted not found"],
    ],
    [
      "one is rate limited",
      { said: { proxy: failed("rate-limited", "rate limited") } },
      [undefined, 429, "proxy failed (rate limited), hosted not found"],
    ],
    ["hosted's own error is final", { said: { hosted: final(401) } }, ["hosted", 401, "proxy not found"]],
    [
      "an open circuit is skipped",
      { said: { proxy: found, hosted: found }, open: ["proxy"] },
      ["hosted", 200, "proxy failed (circuit open)"],
    ],
    [
      "an upstream with an open circuit is asked when no other has it",
      { order: [proxy, other, hosted], said: { proxy: found }, open: ["proxy"] },
      ["proxy", 200, "its circuit is open; it is asked as the last resort, as no other upstream has it"],
    ],
    [
      "an upstream with an open circuit that does not have it",
      { said: {}, open: ["proxy"] },
      [undefined, 503, "proxy failed (circuit open), hosted not found"],
    ],
    [
      "a location hint has moved it to the front",
      { order: [hosted, proxy], said: { hosted: found }, remembered: hosted },
      ["hosted", 200, "it served this repository last"],
    ],
    [
      "an open circuit behind a failure that ends the lookup",
      {
        order: [other, proxy, hosted],
        said: { other: failed("unreachable", "connection refused"), proxy: found },
        open: ["proxy"],
        stopsAfter: "any",
      },
      [undefined, 502, "other failed (connection refused), which ends the lookup before proxy, hosted"],
    ],
    ["no upstream may be asked", { order: [], said: {} }, [undefined, 404, "no upstream may be asked"]],
  ])("%s", async (_, row, expected) => {
    expect(await predicted(row)).toEqual(expected);
  });
});
