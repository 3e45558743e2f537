import { describe, expect, it } from "@jest/globals";
import { RegistryError } from "../../src/protocol/errors.ts";
import { parseRequest } from "../../src/protocol/request.ts";

const sha256 = `sha256:${"a".repeat(64)}`;
const sha512 = `sha512:${"b".repeat(128)}`;

function refusalOf(method: string, rest: string, search = ""): RegistryError {
  try {
    parseRequest(method, rest, search);
  } catch (error) {
    if (error instanceof RegistryError) {
      return error;
    }
    throw error;
  }
  throw new Error(`${method} /v2/${rest}${search} was accepted`);
}

describe("parseRequest reads every kind of request of the specification", () => {
  it.each([
    ["GET", "", { kind: "base" }],
    ["HEAD", "", { kind: "base" }],
    ["GET", "_catalog", { kind: "catalog" }],
    ["GET", "a/tags/list", { kind: "tags", repository: "a" }],
    [
      "HEAD",
      "a/b/c/d/manifests/latest",
      { kind: "manifest", repository: "a/b/c/d", reference: "latest", byDigest: false },
    ],
    [
      "GET",
      `a/manifests/${sha512}`,
      { kind: "manifest", repository: "a", reference: sha512, byDigest: true },
    ],
    [
      "PUT",
      "a/manifests/v1.0_rc-1",
      { kind: "manifest", repository: "a", reference: "v1.0_rc-1", byDigest: false },
    ],
    ["DELETE", `a/blobs/${sha256}`, { kind: "blob", repository: "a", digest: sha256 }],
    ["GET", `a/blobs/multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8`, { kind: "blob" }],
    ["POST", "a/b/blobs/uploads/", { kind: "uploads", repository: "a/b", mount: undefined }],
    [
      "PATCH",
      "a/blobs/uploads/some-uuid_1.=",
      { kind: "upload-session", repository: "a", session: "some-uuid_1.=" },
    ],
    ["GET", `a/referrers/${sha256}`, { kind: "referrers", repository: "a", digest: sha256 }],
  ])("%s /v2/%s", (method, rest, resource) => {
    const parsed = parseRequest(method, rest, "?x=%2F");

    expect(parsed.resource).toMatchObject(resource);
    expect(parsed.path).toBe(`/v2/${rest}`);
    expect(parsed.search).toBe("?x=%2F");
  });
});

describe("names may contain the path segments of the API, and are read from the right", () => {
  it.each([
    ["manifests/blobs/tags/manifests/latest", { kind: "manifest", repository: "manifests/blobs/tags" }],
    ["a/manifests/tags/list", { kind: "tags", repository: "a/manifests" }],
    ["tags/list/tags/list", { kind: "tags", repository: "tags/list" }],
    [
      "a/manifests/manifests/manifests",
      { kind: "manifest", repository: "a/manifests", reference: "manifests" },
    ],
    [`blobs/uploads/blobs/${sha256}`, { kind: "blob", repository: "blobs/uploads" }],
    ["a/blobs/uploads/manifests/x", { kind: "manifest", repository: "a/blobs/uploads", reference: "x" }],
    ["uploads/blobs/uploads/x", { kind: "upload-session", repository: "uploads", session: "x" }],
  ])("/v2/%s", (rest, resource) => {
    expect(parseRequest("GET", rest, "").resource).toMatchObject(resource);
  });
});

describe("a mount names both repositories", () => {
  it.each([
    [`?mount=${sha256}&from=b/c`, { digest: sha256, from: "b/c" }],
    [`?mount=${encodeURIComponent(sha256)}&from=b%2Fc`, { digest: sha256, from: "b/c" }],
    [`?mount=${sha256};from=b/c`, { digest: sha256, from: "b/c" }],
    [`?x;mount=${sha256};from=b%2Fc`, { digest: sha256, from: "b/c" }],
    [`?mount=${sha256}`, { digest: sha256, from: undefined }],
    ["?from=b", undefined],
    ["", undefined],
  ])("POST blobs/uploads/%s", (search, mount) => {
    expect(parseRequest("POST", "a/blobs/uploads/", search).resource).toMatchObject({ mount });
  });

  it.each([
    `?mount=${sha256}&from=..%2Fb`,
    `?mount=${sha256}&from=a&from=b`,
    `?mount=${sha256}&from=a;from=b`,
    `?mount=${sha256}&mount=${sha256}`,
    `?x=1;mount=${sha256};from=A`,
    "?mount=sha256:short&from=b",
    "?mount=&from=b",
    "?from=b",
  ])("begins an upload without one where it is not clear: %s", (search) => {
    const parsed = parseRequest("POST", "a/blobs/uploads/", search);

    expect(parsed.resource).toMatchObject({ kind: "uploads", mount: undefined });
    expect(parsed.search).not.toMatch(/mount|from/);
  });

  it("is looked for only where there is one: another query stays as it is, byte for byte", () => {
    const search = "?digest-algorithm=sha512;x=%2F&y";

    expect(parseRequest("POST", "a/blobs/uploads/", search).search).toBe(search);
  });
});

describe("percent-encoding is decoded once and never changes the meaning", () => {
  it("gives the decoded path for upstreams", () => {
    const parsed = parseRequest("GET", `%61pp/manifests/sha256%3A${"a".repeat(64)}`, "");

    expect(parsed.path).toBe(`/v2/app/manifests/${sha256}`);
  });

  it.each([
    "a%2Fb/manifests/x",
    "a%2f..%2fb/manifests/x",
    "a%252Fb/manifests/x",
    "%2e%2e/a/manifests/x",
    "a/%2e/manifests/x",
    "a/%5c/manifests/x",
    "a/%/manifests/x",
    "a/%00/manifests/x",
    "a/%ff/manifests/x",
    "a/manifests/x%3Fy",
  ])("refuses /v2/%s", (rest) => {
    expect([400, 404]).toContain(refusalOf("GET", rest).status);
  });
});

describe("a request outside the API is refused with a code and a status", () => {
  it.each([
    ["GET", "a", "NOT_FOUND", 404],
    ["GET", "a/b", "NOT_FOUND", 404],
    ["GET", "_catalog/x", "NOT_FOUND", 404],
    ["GET", "a/manifests/latest/", "NOT_FOUND", 404],
    ["GET", "a/tags/list/", "NOT_FOUND", 404],
    ["GET", "manifests/latest", "NAME_INVALID", 400],
    ["GET", "/a/manifests/x", "NAME_INVALID", 400],
    ["GET", "a//b/manifests/x", "NAME_INVALID", 400],
    ["GET", "../a/manifests/x", "NAME_INVALID", 400],
    ["GET", "A/manifests/x", "NAME_INVALID", 400],
    ["GET", "a-/manifests/x", "NAME_INVALID", 400],
    ["GET", `${"a".repeat(256)}/manifests/x`, "NAME_INVALID", 400],
    ["GET", "a/manifests/sha256:short", "DIGEST_INVALID", 400],
    ["GET", `a/manifests/sha256:${"A".repeat(64)}`, "DIGEST_INVALID", 400],
    ["GET", "a/blobs/nonsense", "DIGEST_INVALID", 400],
    ["GET", "a/referrers/nonsense", "DIGEST_INVALID", 400],
    ["GET", "a/manifests/.INVALID", "MANIFEST_UNKNOWN", 404],
    ["HEAD", `a/manifests/${"x".repeat(129)}`, "MANIFEST_UNKNOWN", 404],
    ["PUT", "a/manifests/.INVALID", "TAG_INVALID", 400],
    ["GET", "a/blobs/uploads/..", "NOT_FOUND", 404],
    ["POST", "", "UNSUPPORTED", 405],
    ["HEAD", "a/tags/list", "UNSUPPORTED", 405],
    ["POST", "a/manifests/x", "UNSUPPORTED", 405],
    ["GET", "a/blobs/uploads/", "UNSUPPORTED", 405],
    ["PROPFIND", "_catalog", "UNSUPPORTED", 405],
  ])("%s /v2/%s -> %s", (method, rest, code, status) => {
    const refusal = refusalOf(method, rest);

    expect(refusal.code).toBe(code);
    expect(refusal.status).toBe(status);
  });

  it("names the allowed methods with a 405", () => {
    expect(refusalOf("PATCH", "a/manifests/x").headers).toEqual({ Allow: "GET, HEAD, PUT, DELETE" });
  });

  it("shortens a long name in its message", () => {
    expect(refusalOf("GET", `${"A".repeat(5000)}/manifests/x`).body().length).toBeLessThan(300);
  });
});
