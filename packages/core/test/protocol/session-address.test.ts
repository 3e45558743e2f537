import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { RegistryError } from "../../src/protocol/errors.ts";
import { joinQuery, SessionAddresses } from "../../src/protocol/session-address.ts";
import { cases } from "../support/cases.ts";

const home = { prefix: "/base", secret: "a password", origin: "http://hosted:5000" };
const addresses = new SessionAddresses(home);

function opened(repository: string, session: string): string | undefined {
  try {
    const { path, search } = addresses.open(repository, session);
    return path + search;
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return undefined;
  }
}

describe("the address of an upload session", () => {
  it.each([
    ["/artifacts-uploads/u", ""],
    ["/artifacts-uploads/u", "?state=%2F&x"],
    ["/base/v2/team/app/blobs/upload/1", "?a"],
    ["/v2/team/app/blobs/uploads/a/b", ""],
    ["/artifactory/api/docker/team/v2/app/blobs/uploads/1", ""],
  ])("%s%s is read by another replica", (path, search) => {
    const session = addresses.seal("team/app", { path, search }) ?? "";

    expect(new SessionAddresses({ ...home }).open("team/app", session)).toEqual({ path, search });
    expect(opened("team/other", session)).toBeUndefined();
  });

  it.each([
    "/v2/team/app/manifests/1",
    "/v2/team/app/blobs/sha256:0",
    "/v2/team/app/tags/list",
    "/v2/team/app/sub/blobs/uploads/1",
    "/v2/team/app/blobs/uploads/x/blobs/uploads/1",
    "/v2/app/blobs/uploads/1",
    "/v2/other/blobs/upload/1",
    "/base/v2/other/blobs/upload/1",
    "/V2/other/blobs/uploads/1",
    "/v2;x/other/blobs/uploads/1",
    "/%762/other/blobs/uploads/1",
    "/uploads/v2/other/blobs/uploads/1",
    "/uploads/%2e%2e/v2/other/blobs/uploads/1",
    "/uploads/../v2/other/blobs/uploads/1",
    "/uploads/..%2fv2/other",
    "/uploads//v2/other",
    "//evil/uploads/1",
    "/uploads\\..\\v2",
    "/_catalog",
    "/",
  ])("is never %s", (path) => {
    expect(addresses.seal("team/app", { path, search: "" })).toBeUndefined();
  });

  it("cannot be made up, whatever a client has seen", () => {
    const seen = addresses.seal("team/b", { path: "/uploads/1", search: "?s" }) ?? "";
    const [address = "", signature = ""] = seen.slice(1).split(".");
    const base64 = fc.webPath().map((path) => Buffer.from(path).toString("base64url"));
    const session = fc
      .tuple(
        fc.oneof(base64, fc.constant(address), fc.string()),
        fc.oneof(fc.constant(signature), fc.string({ minLength: 22, maxLength: 22 }), fc.string()),
      )
      .map((parts) => `~${parts.join(".")}`);
    fc.assert(
      fc.property(session, fc.constantFrom("team/a", "team", "b", "team/b/c"), (value, repository) => {
        expect(opened(repository, value)).toBeUndefined();
      }),
      { numRuns: cases(20_000) },
    );
  });

  it.each([
    ["/x-uploads/1", true],
    ["/artifacts-uploads/namespaces/p/uploads/X", true],
    ["/artifactory/api/docker/team/v2/app/blobs/uploads/u", true],
    ["/artifactory/api/docker/other/v2/app/blobs/uploads/u", false],
    ["/api/users", false],
    ["/api/blobstore/delete-all", false],
    ["/sessions/1", false],
    ["/admin/upload-settings", false],
  ])("where the router has no secret, leads to uploads alone: %s", (path, leads) => {
    const open = new SessionAddresses({ ...home, prefix: "", secret: undefined });

    expect(open.seal("team/app", { path, search: "" }) !== undefined).toBe(leads);
  });

  it("where the router has no secret, stays below the path of the registry", () => {
    const open = new SessionAddresses({ ...home, prefix: "/prefix", secret: undefined });

    expect(open.seal("app", { path: "/v2/app/blobs/upload/x", search: "" })).toBeUndefined();
    expect(open.seal("app", { path: "/prefix/v2/app/blobs/upload/x", search: "" })).toMatch(/^~/);
  });
});

describe("the query of an upload session", () => {
  it.each([
    ["", "", ""],
    ["?a=1", "", "?a=1"],
    ["", "?digest=x", "?digest=x"],
    ["?a=1", "?digest=x", "?a=1&digest=x"],
    ["?a=%2F", "?a=2&digest=x", "?a=%2F&digest=x"],
    ["?a=1", "?x=1;a=2", "?a=1&x=1"],
    ["?a=1", "?", "?a=1"],
  ])("%s and %s are %s", (given, added, expected) => {
    expect(joinQuery(given, added)).toBe(expected);
  });
});
