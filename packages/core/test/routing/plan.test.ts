import { describe, expect, it } from "@jest/globals";
import { Memory } from "../../src/cache/memory.ts";
import type { HeadPurpose } from "../../src/protocol/manifest.ts";
import { parseRequest, type RegistryRequest } from "../../src/protocol/request.ts";
import { type Lists, type Plan, plan } from "../../src/routing/plan.ts";
import { Policy } from "../../src/routing/policy.ts";
import type { Candidate, ResolvedRule } from "../../src/routing/ruling.ts";
import { candidate } from "../support/candidate.ts";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;
const hosted = candidate("hosted", "hosted");
const first = candidate("first", "proxy");
const second = candidate("second", "proxy");
const policy = new Policy({ hosted, proxies: [first, second], rules: [] });

function freshMemory(entries = 10): Memory<Candidate> {
  return new Memory({ entries, ttl: 60_000, absentTtl: 0, manifestBytes: 0 });
}

function planFor(
  method: string,
  rest: string,
  memory = freshMemory(),
  lists: Lists = "first",
  headPurpose: HeadPurpose = "pull",
): Plan<Candidate> {
  const [path = "", query] = rest.split("?");
  const request = parseRequest(method, path, query === undefined ? "" : `?${query}`);
  return plan(request, rulingFor(request), {
    policy,
    holders: memory.holders,
    lists,
    direct: undefined,
    headPurpose,
  });
}

function rulingFor({ resource }: RegistryRequest): ResolvedRule<Candidate> | undefined {
  return "repository" in resource
    ? policy.rulingFor(resource.repository, { namespace: undefined, host: undefined })
    : undefined;
}

function orderFor(method: string, rest: string, memory = freshMemory()): string[] {
  const planned = planFor(method, rest, memory);
  if (planned.action !== "lookup") {
    throw new Error(`${method} ${rest} is ${planned.action}`);
  }
  return planned.lookup.order.map(({ name }) => name);
}

describe("the order of a lookup without location hints", () => {
  it.each([
    ["GET", "a/manifests/latest", ["first", "second", "hosted"]],
    ["HEAD", "a/manifests/latest", ["first", "second", "hosted"]],
    ["GET", `a/manifests/${digest}`, ["first", "second", "hosted"]],
    ["HEAD", `a/manifests/${digest}`, ["hosted", "first", "second"]],
    ["GET", `a/blobs/${digest}`, ["first", "second", "hosted"]],
    ["HEAD", `a/blobs/${digest}`, ["hosted", "first", "second"]],
  ])("%s %s", (method, rest, order) => {
    expect(orderFor(method, rest)).toEqual(order);
  });
});

describe("a HEAD before a push", () => {
  it.each<[string, HeadPurpose, string[], boolean]>([
    ["a/manifests/latest", "push", ["hosted"], false],
    [`a/manifests/${digest}`, "push", ["hosted"], true],
    [`a/blobs/${digest}`, "push", ["hosted", "first", "second"], true],
    ["a/manifests/latest", "push or pull", ["first", "second", "hosted"], true],
    ["a/manifests/latest", "pull", ["first", "second", "hosted"], false],
    [`a/manifests/${digest}`, "pull", ["hosted", "first", "second"], true],
  ])("%s, for %s", (rest, purpose, order, excusesProxies) => {
    const planned = planFor("HEAD", rest, freshMemory(), "first", purpose);

    expect(planned).toMatchObject({
      lookup: { order: order.map((name) => expect.objectContaining({ name })), excusesProxies },
    });
  });

  it.each(["push", "push or pull", "pull"] as const)("excuses nothing to a GET, for %s", (purpose) => {
    for (const rest of ["a/manifests/latest", `a/manifests/${digest}`, `a/blobs/${digest}`]) {
      expect(planFor("GET", rest, freshMemory(), "first", purpose)).toMatchObject({
        lookup: { order: [first, second, hosted], excusesProxies: false },
      });
    }
  });
});

describe("a location hint", () => {
  it("moves its upstream to the front for GETs of the repository's digests", () => {
    const memory = freshMemory();
    memory.holders.manifestAt(hosted, "a", digest);

    expect(orderFor("GET", `a/manifests/${digest}`, memory)).toEqual(["hosted", "first", "second"]);
    expect(orderFor("GET", `a/blobs/${other}`, memory)).toEqual(["hosted", "first", "second"]);
    expect(orderFor("GET", `b/blobs/${other}`, memory)).toEqual(["first", "second", "hosted"]);
  });

  it("changes no order for a tag", () => {
    const memory = freshMemory();
    memory.holders.manifestAt(hosted, "a", digest);

    expect(orderFor("GET", "a/manifests/latest", memory)).toEqual(["first", "second", "hosted"]);
    expect(orderFor("HEAD", "a/manifests/latest", memory)).toEqual(["first", "second", "hosted"]);
  });

  it("of a manifest goes before that of its repository", () => {
    const memory = freshMemory();
    memory.holders.manifestAt(hosted, "a", digest);
    memory.holders.manifestAt(second, "a", other);

    expect(orderFor("GET", `a/manifests/${digest}`, memory)[0]).toBe("hosted");
    expect(orderFor("GET", `a/manifests/${other}`, memory)[0]).toBe("second");
  });

  it("is dropped when its manifest is deleted", () => {
    const memory = freshMemory();
    memory.holders.manifestAt(hosted, "a", digest);
    memory.holders.forget("a", digest);

    expect(orderFor("GET", `a/manifests/${digest}`, memory)[0]).toBe("first");
  });

  it("is bounded, and can be switched off", () => {
    const bounded = freshMemory(2);
    for (let i = 0; i < 100; i++) {
      bounded.holders.manifestAt(hosted, `r${i}`, undefined);
    }
    const off = freshMemory(0);
    off.holders.manifestAt(hosted, "a", digest);

    expect(bounded.holders.holderOf("r0", digest)).toBeUndefined();
    expect(bounded.holders.holderOf("r99", digest)).toBe(hosted);
    expect(off.holders.holderOf("a", digest)).toBeUndefined();
  });
});

describe("any other request", () => {
  it.each([
    ["GET", "", { action: "base" }],
    ["PUT", "a/manifests/latest", { action: "push", to: hosted }],
    [
      "POST",
      `a/blobs/uploads/?mount=${digest}&from=b`,
      { action: "mount", to: hosted, mount: { digest, from: "b" } },
    ],
    ["DELETE", `a/manifests/${digest}`, { action: "pass", to: hosted }],
    ["DELETE", `a/blobs/${digest}`, { action: "pass", to: hosted }],
    ["POST", "a/blobs/uploads/", { action: "forward", to: hosted }],
    ["PATCH", "a/blobs/uploads/1", { action: "forward", to: hosted }],
    ["PUT", "a/blobs/uploads/1", { action: "forward", to: hosted }],
    ["GET", "a/blobs/uploads/1", { action: "pass", to: hosted }],
    ["DELETE", "a/blobs/uploads/1", { action: "pass", to: hosted }],
    ["GET", "_catalog", { action: "list", order: [hosted] }],
    ["GET", "a/tags/list", { action: "list", order: [hosted, first, second] }],
    ["GET", `a/referrers/${digest}`, { action: "referrers", members: [hosted, first, second] }],
  ])("%s /v2/%s", (method, rest, expected) => {
    expect(planFor(method, rest)).toMatchObject(expected);
  });

  it("asks hosted alone for tags with lists: hosted", () => {
    expect(planFor("GET", "a/tags/list", freshMemory(), "hosted")).toEqual({
      action: "list",
      order: [hosted],
      stopsAfter: "hosted",
    });
  });
});
