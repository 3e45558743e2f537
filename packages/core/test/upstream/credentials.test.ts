import { describe, expect, it } from "@jest/globals";
import { Credentials } from "../../src/upstream/credentials.ts";
import type { RequestToken, Token } from "../../src/upstream/tokens.ts";

const upstream = new URL("http://registry:5000");
const user = { username: "bob", password: "pä:ss" };
const basic = `Basic ${Buffer.from("bob:pä:ss").toString("base64")}`;
const pull = ["repository:a/b:pull"];
const challenge = 'Bearer realm="http://auth.example/token?x=1",service="registry, the"';

/** A token endpoint that hands out t1, t2, ... and keeps what it was asked. */
function endpoint(
  answer: (count: number) => Token | undefined | Promise<never> = (count) => ({
    value: `t${count}`,
    lifetime: 60_000,
  }),
) {
  const asked: { address: URL; authorization: string | undefined }[] = [];
  const request: RequestToken = async (address, authorization) => {
    asked.push({ address, authorization });
    return answer(asked.length);
  };
  return { asked, request };
}

function refuse(credentials: Credentials, sent: string | undefined, challenges = [challenge]): boolean {
  return credentials.refused({ challenges, sent, scope: pull, neutral: true }) === "repeat";
}

describe("before anything is asked for", () => {
  it("the router's user goes along as Basic, and without one nothing does", () => {
    const { request } = endpoint();

    expect(new Credentials(user, upstream, request).header(pull)).toBe(basic);
    expect(new Credentials(undefined, upstream, request).header(pull)).toBeUndefined();
  });

  it("a refused Basic is not worth repeating", () => {
    const credentials = new Credentials(user, upstream, endpoint().request);

    expect(refuse(credentials, basic, ['Basic realm="x"'])).toBe(false);
    expect(refuse(credentials, basic, [])).toBe(false);
  });

  it("an upload is probed for only where there is a user, and until something was answered", () => {
    const credentials = new Credentials(user, upstream, endpoint().request);
    const anonymous = new Credentials(undefined, upstream, endpoint().request);

    expect([credentials.needsProbe(), anonymous.needsProbe()]).toEqual([true, false]);
    credentials.accepted();
    expect(credentials.needsProbe()).toBe(false);
  });
});

describe("after a Bearer challenge", () => {
  it("a token is asked for with realm, service, scope and the user", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, upstream, request);

    expect(refuse(credentials, basic)).toBe(true);
    expect(await credentials.header(pull)).toBe("Bearer t1");

    expect(asked.map(({ address, authorization }) => [address.href, authorization])).toEqual([
      ["http://auth.example/token?x=1&service=registry%2C+the&scope=repository%3Aa%2Fb%3Apull", basic],
    ]);
  });

  it("anonymous tokens do without a user", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(undefined, upstream, request);
    refuse(credentials, undefined);

    expect(await credentials.header([])).toBe("Bearer t1");
    expect(asked[0]?.authorization).toBeUndefined();
    expect(asked[0]?.address.searchParams.has("scope")).toBe(false);
  });

  it("fifty at once share one token request, and later ones make no promise", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(undefined, upstream, request);
    refuse(credentials, undefined);

    const headers = await Promise.all(Array.from({ length: 50 }, () => credentials.header(pull)));

    expect(new Set(headers)).toEqual(new Set(["Bearer t1"]));
    expect(asked).toHaveLength(1);
    expect(credentials.header(pull)).toBe("Bearer t1");
    await credentials.header(["repository:other:pull"]);
    expect(asked).toHaveLength(2);
  });

  it("a kept token that is refused is fetched anew, once", async () => {
    const { request } = endpoint();
    const credentials = new Credentials(undefined, upstream, request);
    refuse(credentials, undefined);
    await credentials.header(pull);
    const kept = await credentials.header(pull);

    expect(refuse(credentials, kept)).toBe(true);
    const fresh = await credentials.header(pull);
    expect(fresh).toBe("Bearer t2");
    expect(refuse(credentials, fresh)).toBe(false);
  });

  it("a scope that is not granted is not asked for again", async () => {
    const credentials = new Credentials(undefined, upstream, endpoint().request);
    refuse(credentials, undefined);
    await credentials.header(pull);
    const sent = await credentials.header(pull);

    expect(refuse(credentials, sent, [`${challenge},error="insufficient_scope"`])).toBe(false);
  });

  it.each<[string, () => undefined | Promise<never>]>([
    ["has none", () => undefined],
    ["fails", () => Promise.reject(new Error("away"))],
  ])("an endpoint that %s is left alone for a while, and the request goes without", async (_, answer) => {
    const { asked, request } = endpoint(answer);
    const credentials = new Credentials(undefined, upstream, request);
    refuse(credentials, undefined);

    const headers = [await credentials.header(pull), await credentials.header(pull)];

    expect(headers).toEqual([undefined, undefined]);
    expect(asked).toHaveLength(1);
  });
});

describe("an upstream that is set up anew", () => {
  it("to want Basic instead of tokens gets Basic", async () => {
    const credentials = new Credentials(user, upstream, endpoint().request);
    refuse(credentials, basic);
    const token = await credentials.header(pull);

    expect(refuse(credentials, token, ['Basic realm="x"'])).toBe(true);
    expect(credentials.header(pull)).toBe(basic);
    expect(refuse(credentials, basic, ['Basic realm="x"'])).toBe(false);
  });
});

describe("a challenge to a request that carries a client's headers", () => {
  it("is not believed when it names an unknown realm: the same is asked neutrally first", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, upstream, request);
    const challenges = ['Bearer realm="http://chosen.by.client/token"'];

    expect(credentials.refused({ challenges, sent: basic, scope: pull, neutral: false })).toBe(
      "ask neutrally",
    );
    expect(await credentials.header(pull)).toBe(basic);
    expect(asked).toEqual([]);
  });
});

describe("several scopes", () => {
  it("are asked for in one token", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, upstream, request);
    refuse(credentials, basic);
    await credentials.header(["repository:a:pull,push", "repository:b:pull"]);

    expect(asked[0]?.address.searchParams.getAll("scope")).toEqual([
      "repository:a:pull,push",
      "repository:b:pull",
    ]);
  });
});

describe("a realm", () => {
  it.each([
    ["https upstream, http realm", "https://registry", "http://auth.example/token"],
    ["no URL", "http://registry", "auth.example/token"],
    ["another scheme", "http://registry", "file:///etc/passwd"],
    ["a user inside", "http://registry", "http://u:p@auth.example/token"],
    ["none", "http://registry", ""],
  ])("is not trusted: %s", async (_, url, realm) => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, new URL(url), request);

    expect(refuse(credentials, basic, [`Bearer realm="${realm}"`])).toBe(false);
    await credentials.header(pull);
    expect(asked).toEqual([]);
  });

  it.each([
    ["http://registry", "https://auth.example/token"],
    ["https://registry", "https://auth.example/token"],
    ["http://registry", "http://auth.example/token"],
  ])("of %s at %s is asked", (url, realm) => {
    expect(
      refuse(new Credentials(user, new URL(url), endpoint().request), basic, [`Bearer realm="${realm}"`]),
    ).toBe(true);
  });
});
