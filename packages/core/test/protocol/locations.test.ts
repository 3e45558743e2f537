import { describe, expect, it } from "@jest/globals";
import { relativeLocations } from "../../src/protocol/locations.ts";

const own = {
  upstream: new URL("http://hosted:5000/base"),
  publicHost: "registry.example",
  aliases: ["alias.example"],
  isRedirect: true,
};

describe("Location", () => {
  it.each([
    ["http://hosted:5000/v2/a/blobs/uploads/1?_state=x%3D", "/v2/a/blobs/uploads/1?_state=x%3D"],
    ["http://HOSTED:5000/v2/a", "/v2/a"],
    ["http://hosted:5000/base/v2/a", "/v2/a"],
    ["/base/v2/a", "/v2/a"],
    ["/v2/a", "/v2/a"],
    ["//hosted:5000/v2/a", "/v2/a"],
    ["http://registry.example/v2/a", "/v2/a"],
    ["https://registry.example/v2/a", "/v2/a"],
    ["https://hosted:5000/v2/a", "/v2/a"],
    ["https://alias.example/v2/a", "/v2/a"],
    ["http://alias.example/v2/a", "/v2/a"],
    ["http://hosted/v2/a", "http://hosted/v2/a"],
    ["http://hosted:5000.evil.example/v2/a", "http://hosted:5000.evil.example/v2/a"],
    ["http://hosted:5000@evil.example/v2/a", "http://hosted:5000@evil.example/v2/a"],
    ["https://storage.example/blob?sig=1", "https://storage.example/blob?sig=1"],
    ["http://[", "http://["],
    ["http://hosted:5000//evil.example/x", "/.//evil.example/x"],
    ["http://hosted:5000/base//evil.example/x", "/.//evil.example/x"],
    ["http://hosted:5000/\\evil.example/x", "/./\\evil.example/x"],
    ["http://hosted:5000/\t/evil.example/x", "/./\t/evil.example/x"],
  ])("%s -> %s", (given, expected) => {
    expect(relativeLocations(["Location", given], own)).toEqual(["Location", expected]);
  });
});

describe("Link", () => {
  it.each([
    [
      '<http://hosted:5000/v2/a/tags/list?n=1&last=x>; rel="next"',
      '</v2/a/tags/list?n=1&last=x>; rel="next"',
    ],
    ['</v2/a/tags/list?last=x>; rel="next"', '</v2/a/tags/list?last=x>; rel="next"'],
    [
      '<https://elsewhere/x>; rel="help", <http://hosted:5000/v2/y>; rel="next"',
      '<https://elsewhere/x>; rel="help", </v2/y>; rel="next"',
    ],
  ])("%s", (given, expected) => {
    expect(relativeLocations(["Link", given], own)).toEqual(["Link", expected]);
  });

  it("leaves other headers unchanged", () => {
    const headers = ["X-Url", "http://hosted:5000/v2/"];

    expect(relativeLocations(headers, own)).toEqual(headers);
  });
});
