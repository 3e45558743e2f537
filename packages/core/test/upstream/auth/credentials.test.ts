import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { UpstreamFailure } from "../../../src/errors.ts";
import { Credentials } from "../../../src/upstream/auth/credentials.ts";
import type { Denial, RequestToken, Token, TokenSource } from "../../../src/upstream/auth/tokens.ts";

const upstream = new URL("http://registry:5000");
const user = { username: "bob", password: "pä:ss" };
const basic = `Basic ${Buffer.from("bob:pä:ss").toString("base64")}`;
const pull = ["repository:a/b:pull"];
const challenge = 'Bearer realm="http://auth.example/token?x=1",service="registry, the"';

type Asked = TokenSource & { readonly scope: readonly string[] };
type Say = (asked: Asked, count: number) => Token | Denial | Promise<never>;

/** A token endpoint that hands out t1, t2, ... and keeps what it was asked. */
function endpoint(say: Say = (_, count) => ({ value: `t${count}`, lifetime: 60_000 })) {
  const asked: Asked[] = [];
  const request: RequestToken = async (source, scope) => {
    asked.push({ ...source, scope });
    return say({ ...source, scope }, asked.length);
  };
  return { asked, request };
}

function refuse(credentials: Credentials, sent: string | undefined, challenges = [challenge]): boolean {
  return credentials.refused({ challenges, sent, scope: pull, neutral: true }) === "repeat";
}

/** Credentials that know already that tokens are wanted. */
function withTokens(request: RequestToken, auth: typeof user | undefined = undefined): Credentials {
  const credentials = new Credentials(auth, upstream, request);
  refuse(credentials, auth && basic);
  return credentials;
}

describe("before the first request", () => {
  it("the router's user is sent as Basic, and without one nothing is", () => {
    const { request } = endpoint();

    expect(new Credentials(user, upstream, request).header(pull)).toBe(basic);
    expect(new Credentials(undefined, upstream, request).header(pull)).toBeUndefined();
  });

  it("a request with refused Basic credentials is not repeated", () => {
    const credentials = new Credentials(user, upstream, endpoint().request);

    for (const challenges of [['Basic realm="x"'], []]) {
      expect(credentials.refused({ challenges, sent: basic, scope: pull, neutral: false })).toBe(
        "user refused",
      );
    }
  });

  it("without a user, a 401 is final", () => {
    const credentials = new Credentials(undefined, upstream, endpoint().request);
    const challenges = ['Basic realm="x"'];

    expect(credentials.refused({ challenges, sent: undefined, scope: pull, neutral: false })).toBe("none");
  });

  it("an upload is preceded by a probe only where there is a user, and until the first response", () => {
    const credentials = new Credentials(user, upstream, endpoint().request);
    const anonymous = new Credentials(undefined, upstream, endpoint().request);

    expect([credentials.needsProbe(), anonymous.needsProbe()]).toEqual([true, false]);
    credentials.noteAccepted({ scope: [], sent: basic });
    expect(credentials.needsProbe()).toBe(false);
  });
});

describe("after a Bearer challenge", () => {
  it("a token is requested with realm, service, scope and the user", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, upstream, request);

    expect(refuse(credentials, basic)).toBe(true);
    expect(await credentials.header(pull)).toBe("Bearer t1");

    const realm = new URL("http://auth.example/token?x=1");
    expect(asked).toEqual([{ realm, service: "registry, the", user, scope: pull }]);
  });

  it("anonymous tokens need no user", async () => {
    const { asked, request } = endpoint();
    const credentials = withTokens(request);

    expect(await credentials.header([])).toBe("Bearer t1");
    expect(asked.map((one) => [one.user, one.scope])).toEqual([[undefined, []]]);
  });

  it("fifty concurrent requests share one token request, and later ones use the token synchronously", async () => {
    const { asked, request } = endpoint();
    const credentials = withTokens(request);

    const headers = await Promise.all(Array.from({ length: 50 }, () => credentials.header(pull)));

    expect(new Set(headers)).toEqual(new Set(["Bearer t1"]));
    expect(asked).toHaveLength(1);
    expect(credentials.header(pull)).toBe("Bearer t1");
    await credentials.header(["repository:other:pull"]);
    expect(asked).toHaveLength(2);
  });

  it("an example scope in the challenge of /v2/ is ignored", async () => {
    const { asked, request } = endpoint();
    const credentials = withTokens(request);
    const sent = await credentials.header([]);
    const challenges = [`${challenge},scope="repository:user/image:pull"`];

    expect(credentials.refused({ challenges, sent, scope: [], neutral: true })).toBe("none");
    await credentials.header([]);
    expect(asked.map(({ scope }) => scope)).toEqual([[]]);
  });
});

describe("a token that is refused", () => {
  it("after it was accepted is replaced, once for all requests that used it", async () => {
    const { asked, request } = endpoint();
    const credentials = withTokens(request);
    const old = await credentials.header(pull);
    credentials.noteAccepted({ scope: pull, sent: old });

    const repeats = Array.from({ length: 50 }, () => refuse(credentials, old) && credentials.header(pull));

    expect(new Set(await Promise.all(repeats))).toEqual(new Set(["Bearer t2"]));
    expect(asked).toHaveLength(2);
    expect(refuse(credentials, "Bearer t2")).toBe(false);
  });

  it("from the start is kept for a while, so that unknown names do not cost a token each time", async () => {
    const { asked, request } = endpoint();
    const credentials = withTokens(request);
    const sent = await credentials.header(pull);

    expect([refuse(credentials, sent), refuse(credentials, sent)]).toEqual([false, false]);
    expect(credentials.header(pull)).toBe(sent);
    expect(asked).toHaveLength(1);
  });

  it("from the start needs no further probe, whatever realm the challenge names", async () => {
    const credentials = withTokens(endpoint().request);
    const sent = await credentials.header(pull);
    const challenges = ['Bearer realm="http://router.example/token"'];
    const again = () => credentials.refused({ challenges, sent, scope: pull, neutral: false });

    expect(again()).toBe("ask neutrally");
    refuse(credentials, sent);
    expect(again()).toBe("none");
  });

  it("as insufficient is not replaced, although it was accepted for another scope", async () => {
    const credentials = withTokens(endpoint().request);
    const sent = await credentials.header(pull);
    credentials.noteAccepted({ scope: pull, sent });

    expect(refuse(credentials, sent, [`${challenge},error="insufficient_scope"`])).toBe(false);
  });
});

describe("a token endpoint", () => {
  it("that denies a scope to anonymous clients leaves the decision to the upstream", async () => {
    const { asked, request } = endpoint(() => ({ denied: 403 }));
    const credentials = withTokens(request);

    expect([await credentials.header(pull), await credentials.header(pull)]).toEqual([undefined, undefined]);
    expect(refuse(credentials, undefined)).toBe(false);
    expect(asked).toHaveLength(1);
  });

  it.each([401, 403, 400])(
    "that denies the user one scope (%i) and knows the user does the same",
    async (denied) => {
      const { asked, request } = endpoint(({ scope }) =>
        scope.length > 0 ? { denied } : { value: "known", lifetime: 60_000 },
      );
      const credentials = withTokens(request, user);

      const headers = await Promise.all(
        [pull, ["repository:c:pull"]].map((scope) => credentials.header(scope)),
      );

      expect(headers).toEqual([undefined, undefined]);
      expect(asked.filter(({ scope }) => scope.length === 0)).toHaveLength(1);
    },
  );

  it.each<[string, number, object]>([
    [
      "refuses the user",
      401,
      { kind: "refused", cause: "token endpoint refused the router's credentials (401)" },
    ],
    [
      "refuses the user",
      403,
      { kind: "refused", cause: "token endpoint refused the router's credentials (403)" },
    ],
    [
      "does not know the user",
      400,
      { kind: "refused", cause: "token endpoint refused the router's credentials (400)" },
    ],
    ["is none", 404, { kind: "broken", cause: "token endpoint answered 404" }],
  ])("that %s (%i) is a failure", async (_, denied, report) => {
    const credentials = withTokens(endpoint(() => ({ denied })).request, user);

    await expect(credentials.header(pull)).rejects.toMatchObject({ report });
  });

  it("that fails is not asked again for a while, and its failure is not taken for a 401", async () => {
    const { asked, request } = endpoint(() => Promise.reject(new UpstreamFailure("timeout", "away")));
    const credentials = withTokens(request);

    const [first, second] = await Promise.allSettled([
      credentials.header(pull),
      Promise.resolve().then(() => credentials.header(pull)),
    ]);

    expect([first?.status, second?.status]).toEqual(["rejected", "rejected"]);
    await expect(credentials.header(pull)).rejects.toMatchObject({
      report: { kind: "timeout", cause: "away" },
    });
    expect(asked).toHaveLength(1);
  });
});

describe("as time goes by", () => {
  beforeEach(() => {
    jest.useFakeTimers();
    // lru-cache takes the very beginning of time for none.
    jest.advanceTimersByTime(1);
  });
  afterEach(() => void jest.useRealTimers());

  const lived = (lifetime: number) => endpoint((_, count) => ({ value: `t${count}`, lifetime }));

  it.each([
    [300_000, 269_000, 271_000],
    [60_000, 53_000, 55_000],
    [3_600_000, 3_569_000, 3_571_000],
  ])("a token of %i ms is used after %i and renewed after %i", async (lifetime, before, after) => {
    const credentials = withTokens(lived(lifetime).request);
    await credentials.header(pull);

    jest.advanceTimersByTime(before);
    expect(credentials.header(pull)).toBe("Bearer t1");
    jest.advanceTimersByTime(after - before);
    expect(await credentials.header(pull)).toBe("Bearer t2");
  });

  it("further scopes of the upstream's challenge are requested too, then and later", async () => {
    const { asked, request } = lived(60_000);
    const credentials = withTokens(request);
    const wanting = [`${challenge},scope="repository:a/b:pull,push aws"`];
    const sent = await credentials.header(pull);

    expect(refuse(credentials, sent, wanting)).toBe(true);
    expect(refuse(credentials, sent, wanting)).toBe(true);
    const wide = [...pull, "repository:a/b:pull,push", "aws"];
    await credentials.header(pull);
    jest.advanceTimersByTime(60_000);
    await credentials.header(pull);

    expect(asked.map(({ scope }) => scope)).toEqual([pull, wide, wide]);
  });

  it("a change of the system clock has no effect", async () => {
    const credentials = withTokens(lived(300_000).request);
    await credentials.header(pull);

    for (const hours of [48, -48]) {
      jest.setSystemTime(Date.now() + hours * 3_600_000);
      expect(credentials.header(pull)).toBe("Bearer t1");
    }
  });

  it("an unused token is replaced when it is old", async () => {
    const credentials = withTokens(lived(300_000).request);
    const sent = await credentials.header(pull);

    jest.advanceTimersByTime(11_000);

    expect(refuse(credentials, sent)).toBe(true);
    expect(await credentials.header(pull)).toBe("Bearer t2");
  });

  it("a refused token is replaced once in ten seconds at most", async () => {
    const { asked, request } = lived(300_000);
    const credentials = withTokens(request);
    for (let second = 0; second <= 25; second += 1) {
      refuse(credentials, await credentials.header(pull));
      jest.advanceTimersByTime(1_000);
    }

    expect(asked).toHaveLength(3);
  });

  it("a denied scope is requested again", async () => {
    const { asked, request } = endpoint(() => ({ denied: 401 }));
    const credentials = withTokens(request);
    await credentials.header(pull);
    jest.advanceTimersByTime(11_000);
    await credentials.header(pull);

    expect(asked).toHaveLength(2);
  });

  it("a failed endpoint is asked again", async () => {
    const credentials = withTokens(
      endpoint((_, count) =>
        count === 1
          ? Promise.reject(new UpstreamFailure("timeout", "away"))
          : { value: "t", lifetime: 60_000 },
      ).request,
    );
    await expect(credentials.header(pull)).rejects.toThrow("away");
    jest.advanceTimersByTime(1_100);

    expect(await credentials.header(pull)).toBe("Bearer t");
  });
});

describe("an upstream that needs no tokens although their endpoint has failed", () => {
  it("gets no more token requests", async () => {
    const { asked, request } = endpoint(() => Promise.reject(new UpstreamFailure("unreachable", "away")));
    const credentials = withTokens(request, user);

    expect(await credentials.headerAtFirst(pull)).toBeUndefined();
    credentials.noteAccepted({ scope: pull, sent: undefined });

    expect(credentials.header(pull)).toBe(basic);
    expect(credentials.header(["repository:c:pull"])).toBe(basic);
    expect(asked).toHaveLength(1);
  });
});

describe("the token cache", () => {
  it("is bounded in bytes and in number", async () => {
    const { asked, request } = endpoint(() => ({ value: "x".repeat(30_000), lifetime: 60_000 }));
    const credentials = withTokens(request);
    const scopes = Array.from({ length: 400 }, (_, index) => [`repository:r${index}:pull`]);
    for (const scope of scopes) {
      await credentials.header(scope);
    }

    const kept = scopes.filter((scope) => typeof credentials.header(scope) === "string");

    expect(kept.length).toBeGreaterThan(200);
    expect(kept.length).toBeLessThan(300);
    expect(asked.length).toBe(400 + scopes.length - kept.length);
  });
});

describe("an upstream whose authentication changes", () => {
  it("from tokens to Basic gets Basic", async () => {
    const credentials = new Credentials(user, upstream, endpoint().request);
    refuse(credentials, basic);
    const token = await credentials.header(pull);

    expect(refuse(credentials, token, ['Basic realm="x"'])).toBe(true);
    expect(credentials.header(pull)).toBe(basic);
    expect(refuse(credentials, basic, ['Basic realm="x"'])).toBe(false);
  });
});

describe("a challenge to a request that carries a client's headers", () => {
  it("is not trusted when it names an unknown realm: the request is repeated without those headers first", async () => {
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
  it("are requested in one token", async () => {
    const { asked, request } = endpoint();
    const credentials = new Credentials(user, upstream, request);
    refuse(credentials, basic);
    await credentials.header(["repository:a:pull,push", "repository:b:pull"]);

    expect(asked.map(({ scope }) => scope)).toEqual([["repository:a:pull,push", "repository:b:pull"]]);
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

    const challenges = [`Bearer realm="${realm}"`];
    expect(credentials.refused({ challenges, sent: basic, scope: pull, neutral: true })).toBe(
      "realm refused",
    );
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
