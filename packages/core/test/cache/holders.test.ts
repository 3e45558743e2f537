import { describe, expect, it } from "@jest/globals";
import { HolderHints } from "../../src/cache/holders.ts";
import type { Member } from "../../src/routing/ruling.ts";

const proxy: Member = { name: "proxy", kind: "proxy", passthrough: false };
const hosted: Member = { name: "hosted", kind: "hosted", passthrough: false };

describe("the memory of who holds what", () => {
  it("goes by the digest, the manifest that it is a part of, and whoever served the repository last", () => {
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

  it("knows the parts of a manifest once they are learned, not by knowing where it is", () => {
    const memory = new HolderHints<Member>({ entries: 100, ttl: 60_000 });

    memory.manifestAt(hosted, "a", "sha256:1");
    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(false);

    memory.partsAt(hosted, "a", "sha256:1", []);
    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(true);
    expect(memory.knowsParts(proxy, "a", "sha256:1")).toBe(false);
  });

  it("wants the parts to be learned again when their time is over, though the manifest is served all the time", () => {
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

  it("learns nothing where it is off", () => {
    const memory = new HolderHints<Member>({ entries: 0, ttl: 60_000 });

    expect(memory.knowsParts(hosted, "a", "sha256:1")).toBe(true);
    memory.manifestAt(hosted, "a", "sha256:1");
    expect(memory.holderOf("a", "sha256:1")).toBeUndefined();
  });
});
