import { describe, expect, it } from "@jest/globals";
import { HolderHints } from "../../src/cache/holders.ts";
import type { Member } from "../../src/routing/ruling.ts";

const proxy: Member = { name: "proxy", kind: "proxy", passthrough: false };
const hosted: Member = { name: "hosted", kind: "hosted", passthrough: false };

describe("the location hints", () => {
  it("use the digest, then the manifest that names it, then the upstream that served the repository last", () => {
    const memory = new HolderHints<Member>({ entries: 100, ttl: 60_000 });
    memory.manifestAt(hosted, "a", "sha256:1");
    memory.partsAt(hosted, "a", "sha256:1", ["sha256:2"]);
    memory.manifestAt(proxy, "a", "sha256:3");

    const holders = ["sha256:1", "sha256:2", "sha256:3", "sha256:4"].map((digest) =>
      memory.holderOf("a", digest),
    );

    expect(holders).toEqual([hosted, hosted, proxy, proxy]);
    expect(memory.holderOf("b", "sha256:1")).toBeUndefined();
  });

  it("have the parts of a manifest only after these were learned, not from the manifest's own location", () => {
    const memory = new HolderHints<Member>({ entries: 100, ttl: 60_000 });

    memory.manifestAt(hosted, "a", "sha256:1");
    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(false);

    memory.partsAt(hosted, "a", "sha256:1", []);
    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(true);
    expect(memory.knowsParts(proxy, "a", "sha256:1")).toBe(false);
  });

  it("need the parts to be learned again after their time-to-live, although the manifest is served meanwhile", () => {
    let now = 1;
    const memory = new HolderHints<Member>({ entries: 100, ttl: 1_000 }, { now: () => now });
    memory.partsAt(hosted, "a", "sha256:1", ["sha256:2"]);

    const known = [500, 900, 1_000, 1_002].map((time) => {
      now = time;
      memory.manifestAt(hosted, "a", "sha256:1");
      return memory.knowsParts(hosted, "a", "sha256:1");
    });

    expect(known).toEqual([true, true, true, false]);
    expect(memory.holderOf("a", "sha256:1")).toBe(hosted);
  });

  it("learn nothing where they are switched off", () => {
    const memory = new HolderHints<Member>({ entries: 0, ttl: 60_000 });

    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(true);
    memory.manifestAt(hosted, "a", "sha256:1");
    expect(memory.holderOf("a", "sha256:1")).toBeUndefined();
  });
});
