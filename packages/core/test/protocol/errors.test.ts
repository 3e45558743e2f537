import { describe, expect, it } from "@jest/globals";
import { type ErrorCode, errorTable, RegistryError } from "../../src/protocol/errors.ts";

describe("the error table", () => {
  it.each<[ErrorCode, number]>([
    ["BAD_REQUEST", 400],
    ["BLOB_UNKNOWN", 404],
    ["BLOB_UPLOAD_UNKNOWN", 404],
    ["DENIED", 403],
    ["DIGEST_INVALID", 400],
    ["LOOP_DETECTED", 508],
    ["MANIFEST_UNKNOWN", 404],
    ["NAME_INVALID", 400],
    ["NAME_UNKNOWN", 404],
    ["NOT_FOUND", 404],
    ["PAGINATION_NUMBER_INVALID", 400],
    ["SIZE_INVALID", 413],
    ["TAG_INVALID", 400],
    ["TOOMANYREQUESTS", 429],
    ["UNAUTHORIZED", 401],
    ["UNAVAILABLE", 503],
    ["UNKNOWN", 500],
    ["UNSUPPORTED", 405],
    ["UPSTREAM_FAILED", 502],
    ["UPSTREAM_TIMEOUT", 504],
  ])("%s is answered %i in the shape of the specification", (code, status) => {
    const error = new RegistryError(code, { detail: { name: "x" } });

    expect(error.status).toBe(status);
    expect(JSON.parse(error.body())).toEqual({
      errors: [{ code, message: errorTable[code].message, detail: { name: "x" } }],
    });
  });

  it("has no row without a test", () => {
    expect(Object.keys(errorTable)).toHaveLength(20);
  });
});
