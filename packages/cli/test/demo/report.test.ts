import { expect, test } from "@jest/globals";
import { exchangeTable } from "../../src/demo/tour.ts";

test("requests stand in a table with who answered and why, without long ids", () => {
  const digest = `sha256:${"0123456789ab".padEnd(64, "c")}`;
  const rows = exchangeTable([
    { method: "GET", path: `/v2/a/blobs/${digest}`, status: 200, decision: "proxy; found; hosted not found" },
    { method: "PUT", path: `/v2/a/blobs/uploads/123?digest=${digest}`, status: 201, decision: undefined },
  ]);
  expect(rows.split("\n")).toEqual([
    "  request                                 status  answered by  because",
    "  GET /v2/a/blobs/sha256:0123456789ab...  200     proxy        found; hosted not found",
    "  PUT /v2/a/blobs/uploads/<session>?...   201",
  ]);
});
