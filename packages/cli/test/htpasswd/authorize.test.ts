import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Verdict } from "@combined-registry/core";
import { describe, expect, test } from "@jest/globals";
import { parseBasic } from "../../src/htpasswd/basic.ts";
import { createAuthorize } from "../../src/htpasswd.ts";

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

describe("Authorization: Basic", () => {
  test.each([
    ["user and password", basic("alice:secret"), { user: "alice", password: "secret" }],
    ["colons in the password", basic("alice:a:b:"), { user: "alice", password: "a:b:" }],
    ["no password", basic("alice:"), { user: "alice", password: "" }],
    ["UTF-8", basic("ünï:pässwörd"), { user: "ünï", password: "pässwörd" }],
    ["the scheme in any case", basic("a:b").replace("Basic", "bASIC"), { user: "a", password: "b" }],
  ])("%s", (_what, header, credentials) => {
    expect(parseBasic(header)).toEqual(credentials);
  });

  test.each([
    ["no header", undefined],
    ["an empty header", ""],
    ["another scheme", "Bearer YTpi"],
    ["a scheme that only begins alike", "Basics YTpi"],
    ["no credentials", "Basic "],
    ["characters that are not base64", "Basic YTp*"],
    ["base64 of a wrong length", "Basic YTpiY"],
    ["something after the credentials", "Basic YTpi YTpi"],
    ["no colon", basic("alice")],
    ["no user", basic(":secret")],
    ["broken UTF-8", `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString("base64")}`],
    ["control characters", basic("alice:se\0cret")],
  ])("%s is no credentials", (_what, header) => {
    expect(parseBasic(header)).toBeUndefined();
  });
});

describe("the hook", () => {
  const authorize = createAuthorize(
    async (user, password) => user === "alice" && password === "right",
    'the "house"',
  );
  const challenge = { decision: "challenge", challenge: 'Basic realm="the \\"house\\"", charset="UTF-8"' };
  const ask = async (authorization?: string): Promise<Verdict> => {
    const request = new IncomingMessage(new Socket());
    request.headers = authorization === undefined ? {} : { authorization };
    return authorize(request, { repository: "team/app", access: "pull", client: "192.0.2.1" });
  };

  test.each([
    ["nothing", undefined],
    ["another scheme", "Bearer abc"],
    ["a wrong password", basic("alice:wrong")],
    ["an unknown user", basic("bob:right")],
  ])("%s is challenged", async (_what, header) => {
    expect(await ask(header)).toEqual(challenge);
  });

  test("a right password is allowed and the user named", async () => {
    expect(await ask(basic("alice:right"))).toEqual({ decision: "allow", user: "alice" });
  });
});
