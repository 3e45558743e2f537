import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { accessesOf } from "../src/authorize/authorize.ts";
import { Memory } from "../src/cache/memory.ts";
import { parseChallenges } from "../src/protocol/challenge.ts";
import { errorTable, RegistryError } from "../src/protocol/errors.ts";
import { endToEnd, valuesOf } from "../src/protocol/headers.ts";
import { relativeLocations } from "../src/protocol/locations.ts";
import { parseRequest, parseTarget, type RegistryRequest } from "../src/protocol/request.ts";
import { plan } from "../src/routing/plan.ts";
import { Policy } from "../src/routing/policy.ts";
import type { Candidate } from "../src/routing/ruling.ts";
import { method, sendableTarget, target } from "./properties/generators.ts";
import { repositoryAsDistributionReadsIt } from "./properties/oracle.ts";
import { listenRecording } from "./properties/upstream.ts";
import { candidate } from "./support/candidate.ts";
import { cases } from "./support/cases.ts";
import { startRouter } from "./support/router.ts";

function parsed(given: string, how: string): RegistryRequest | undefined {
  const { kind, ...parts } = parseTarget(given);
  if (kind !== "api" || !("rest" in parts)) {
    return undefined;
  }
  try {
    return parseRequest(how, parts.rest, parts.search);
  } catch (error) {
    if (error instanceof RegistryError) {
      return undefined;
    }
    throw error;
  }
}

describe("of generated targets", () => {
  const hosted = candidate("hosted", "hosted");
  const proxy = candidate("proxy", "proxy");
  const memory = new Memory<Candidate>({ entries: 100, ttl: 1_000, absentTtl: 0, manifestBytes: 0 });
  const policy = new Policy({ hosted, proxies: [proxy], rules: [] });

  it("each is parsed or refused, and upstreams are asked for exactly what was authorized and routed", () => {
    let understood = 0;
    fc.assert(
      fc.property(method, target, (how, given) => {
        const request = parsed(given, how);
        if (request === undefined) {
          return;
        }
        understood += 1;
        const { resource, path } = request;
        const repository = "repository" in resource ? resource.repository : undefined;
        expect(repositoryAsDistributionReadsIt(path)).toBe(repository);
        expect(accessesOf(request)[0]?.repository).toBe(repository);
        expect(path).toMatch(/^\/v2\/[!$&-;=@-Z_a-z~]*$/);
        const ruling =
          repository === undefined
            ? undefined
            : policy.rulingFor(repository, { namespace: request.namespace, host: undefined });
        const planned = plan(request, ruling, {
          policy,
          holders: memory.holders,
          lists: "first",
          direct: undefined,
          headPurpose: "pull",
        });
        if (planned.action === "forward" || planned.action === "pass") {
          expect(planned.to).toBe(hosted);
        }
      }),
      { numRuns: cases(190_000) },
    );
    // Generators that only made nonsense would prove nothing.
    expect(understood).toBeGreaterThan(cases(10_000));
  }, 120_000);
});

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(port: number, agent: Agent, how: string, path: string, id: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { "X-Id": id, "User-Agent": id, "Content-Length": 0 };
    const sent = httpRequest({ host: "127.0.0.1", port, method: how, path, headers, agent }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.setTimeout(10_000, () => sent.destroy(new Error(`${how} ${path}: no answer`)));
    sent.on("error", reject);
    sent.end();
  });
}

function checkWellFormed(how: string, path: string, { status, headers, body }: Answered): void {
  expect(status).toBeGreaterThanOrEqual(200);
  expect(status).toBeLessThan(500);
  const ours = /^(?:http:\/\/[^/]*)?\/v2(?:[/?]|$)/.test(path);
  if (ours) {
    expect(headers["docker-distribution-api-version"]).toBe("registry/2.0");
  }
  if (how !== "HEAD" && headers["content-length"] !== undefined) {
    expect(Buffer.byteLength(body)).toBe(Number(headers["content-length"]));
  }
  if (status >= 400 && how !== "HEAD") {
    const { errors } = JSON.parse(body);
    // Hosted's own error, and what a proxy says about the content.
    expect(errors.length).toBeGreaterThanOrEqual(1);
    expect(errors.length).toBeLessThanOrEqual(2);
    expect([...Object.keys(errorTable), "UPSTREAM_SAID"]).toContain(errors[0].code);
  }
}

describe("of generated requests over connections", () => {
  it("each gets one well-formed response, and reaches upstreams only under the authorized name", async () => {
    await using proxy = await listenRecording();
    await using hosted = await listenRecording();
    const authorized = new Map<string, (string | undefined)[]>();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      authorize: (request, { repository }) => {
        const id = String(request.headers["x-id"]);
        authorized.set(id, [...(authorized.get(id) ?? []), repository]);
        return "allow";
      },
      // Checks for shadowed tags are the router's own, and carry no client's id.
      rules: [{ match: "**", shadow: "allow" }],
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let id = 0;
    const batch = fc.array(fc.tuple(method, sendableTarget), { minLength: 40, maxLength: 40 });

    await fc.assert(
      fc.asyncProperty(batch, async (requests) => {
        authorized.clear();
        const sent = requests.map(([how, path]) => ({ how, path, id: String(id++) }));
        const answers = await Promise.all(
          sent.map((one) => ask(router.port, agent, one.how, one.path, one.id)),
        );
        answers.forEach((answer, index) => {
          const { how, path } = sent[index] ?? { how: "", path: "" };
          checkWellFormed(how, path, answer);
        });
        for (const seen of hosted.take()) {
          const repository = repositoryAsDistributionReadsIt(seen.path);
          if (repository !== undefined) {
            expect(authorized.get(seen.id)).toContain(repository);
          }
        }
        for (const seen of proxy.take()) {
          expect(["GET", "HEAD"]).toContain(seen.method);
          if (seen.path !== "/v2/") {
            expect(authorized.get(seen.id)).toEqual([repositoryAsDistributionReadsIt(seen.path)]);
          }
        }
      }),
      { numRuns: cases(500) },
    );
    agent.destroy();
  }, 120_000);
});

describe("pieces", () => {
  const header = fc.string({ unit: "binary", maxLength: 60 });

  it("any challenge is read without an exception", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(header, fc.constantFrom('Bearer realm="a,b"', "Basic", ", ,", '="'))),
        (values) => {
          for (const { scheme } of parseChallenges(values)) {
            expect(scheme).toMatch(/^[^\s,="]+$/);
          }
        },
      ),
      { numRuns: cases(10_000) },
    );
  });

  it("headers that Connection names are not forwarded, except those that every message needs", () => {
    const name = fc.constantFrom(
      "x-a",
      "X-B",
      "authorization",
      "accept",
      "content-length",
      "host",
      "range",
      "te",
    );
    fc.assert(
      fc.property(fc.array(name), fc.array(fc.tuple(name, fc.string())), (named, headers) => {
        const passed = endToEnd(["Connection", named.join(", "), ...headers.flat()]);
        for (const one of named.filter((option) => !["content-length", "host"].includes(option))) {
          expect(valuesOf(passed, one.toLowerCase())).toEqual([]);
        }
        expect(valuesOf(passed, "connection")).toEqual([]);
      }),
      { numRuns: cases(10_000) },
    );
  });

  it("a Location that becomes relative stays on the router", () => {
    const upstream = new URL("http://hosted:5000/prefix");
    const rest = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.constantFrom("//evil/", "/\\evil", "@evil/", "/v2/a"),
    );
    const origin = fc.constantFrom(
      "http://hosted:5000",
      "HTTP://HOSTED:5000/prefix",
      "//hosted:5000",
      "http://hosted:5000/prefix",
    );
    fc.assert(
      fc.property(origin, rest, (before, after) => {
        const given = before + after;
        const [, value = ""] = relativeLocations(["Location", given], {
          upstream,
          aliases: [],
          publicHost: undefined,
          isRedirect: false,
        });
        if (value !== given) {
          const reached = new URL(value, "http://router.example");
          expect(reached.origin).toBe("http://router.example");
        }
      }),
      { numRuns: cases(20_000) },
    );
  });
});
