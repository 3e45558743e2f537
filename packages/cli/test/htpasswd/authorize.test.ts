import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { AuthorizeResult } from "@combined-registry/core";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { createAuthorize, parseBasic } from "../../src/htpasswd/authorize.ts";
import type { Passwords, VerifyResult } from "../../src/htpasswd/passwords.ts";

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
  const judged: unknown[] = [];
  const passwords: Passwords = {
    use: () => {},
    receive: () => {},
    verify: (user, password, sender) => {
      judged.push({ user, password, address: sender.address, left: sender.left() });
      return results[password] ?? "wrong";
    },
  };
  const results: Readonly<Record<string, VerifyResult | Promise<VerifyResult>>> = {
    right: "right",
    "right in the end": Promise.resolve("right"),
    "wrong in the end": Promise.resolve("wrong"),
    late: { retryAfter: 7 },
  };
  const authorize = createAuthorize(passwords, 'the "house"');
  const challenge = { decision: "challenge", challenge: 'Basic realm="the \\"house\\"", charset="UTF-8"' };
  const ask = async (authorization?: string, socket = new Socket()): Promise<AuthorizeResult> => {
    const request = new IncomingMessage(socket);
    request.headers = authorization === undefined ? {} : { authorization };
    return authorize(request, { repository: "team/app", access: "pull", client: "192.0.2.1" });
  };
  beforeEach(() => {
    judged.length = 0;
  });

  test.each([
    ["nothing", undefined, "no user and password were sent"],
    ["another scheme", "Bearer abc", "the Authorization header holds no user and password"],
    ["an empty user", basic(":right"), "the Authorization header holds no user and password"],
  ])("%s is challenged with a sentence, and is no attempt", async (_what, header, message) => {
    expect(await ask(header)).toEqual({ ...challenge, message });
    expect(judged).toEqual([]);
  });

  test.each(["wrong", "wrong in the end"])("a password that is %s is challenged", async (password) => {
    expect(await ask(basic(`alice:${password}`))).toEqual({
      ...challenge,
      message: "wrong user or password",
    });
    expect(judged).toEqual([{ user: "alice", password, address: "192.0.2.1", left: false }]);
  });

  test.each(["right", "right in the end"])("a password that is %s is allowed", async (password) => {
    expect(await ask(basic(`alice:${password}`))).toEqual({ decision: "allow", user: "alice" });
  });

  test("one that is not checked is told when to come back, and not that it is wrong", async () => {
    expect(await ask(basic("alice:late"))).toMatchObject({ decision: "throttle", retryAfter: 7 });
  });

  test("a client that has gone is known to be gone", async () => {
    const socket = new Socket();
    socket.destroy();
    await ask(basic("alice:right"), socket);
    expect(judged).toMatchObject([{ left: true }]);
  });
});
