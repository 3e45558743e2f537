import { describe, expect, it } from "@jest/globals";
import { readToken } from "../../../src/upstream/auth/token-endpoint.ts";

const date = "Tue, 10 Nov 2026 12:00:00 GMT";

function lifetime(more: object, at: string | undefined = date): number | undefined {
  return readToken(JSON.stringify({ token: "t", ...more }), at)?.lifetime;
}

describe("the response of a token endpoint", () => {
  it.each<[string, object]>([
    ["token", { token: "abc" }],
    ["access_token", { access_token: "abc" }],
    ["both", { token: "abc", access_token: "other" }],
    ["an empty one", { token: "", access_token: "abc" }],
  ])("has its token in %s", (_, said) => {
    expect(readToken(JSON.stringify(said), date)?.value).toBe("abc");
  });

  it.each([
    ["no JSON", "<html>"],
    ["empty", ""],
    ["null", "null"],
    ["a string", '"abc"'],
    ["no token", "{}"],
    ["a number", '{"token":7}'],
    ["a token with a line break", JSON.stringify({ token: "a\r\nX-Evil: 1" })],
    ["a token that is too long for a header", JSON.stringify({ token: "a".repeat(40_000) })],
  ])("has no token if it is %s", (_, text) => {
    expect(readToken(text, date)).toBeUndefined();
  });

  it.each<[string, object, number]>([
    ["as given", { expires_in: 300 }, 300],
    ["60 s if none is given", {}, 60],
    ["60 s if it is invalid", { expires_in: "soon" }, 60],
    ["60 s if it is zero", { expires_in: 0 }, 60],
    ["60 s if it is negative", { expires_in: -5 }, 60],
    ["as given in a string", { expires_in: "90" }, 90],
    ["a day at most", { expires_in: 1e300 }, 86_400],
  ])("gives the token a lifetime: %s", (_, said, seconds) => {
    expect(lifetime(said)).toBe(seconds * 1000);
  });

  it.each<[string, object, string | undefined, number]>([
    ["is taken off", { issued_at: "2026-11-10T11:58:20Z" }, date, 200],
    ["with fractions and an offset too", { issued_at: "2026-11-10T12:58:20.000000000+01:00" }, date, 200],
    ["cannot be told without the endpoint's own time", { issued_at: "2026-11-10T11:58:20Z" }, undefined, 300],
    ["of what is issued in the future is none", { issued_at: "2026-11-10T12:05:00Z" }, date, 300],
    ["beyond its life is a wrong clock's", { issued_at: "2026-11-10T11:00:00Z" }, date, 300],
    ["in no known form is none", { issued_at: "yesterday" }, date, 300],
  ])("may be an older token, whose age %s", (_, said, at, seconds) => {
    const text = JSON.stringify({ token: "t", expires_in: 300, ...said });
    expect(readToken(text, at)?.lifetime).toBe(seconds * 1000);
  });
});
