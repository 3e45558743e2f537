import { describe, expect, it } from "@jest/globals";
import { widened } from "../../src/protocol/token-scope.ts";

const pull = ["repository:a/b:pull"];

describe("the scope of a challenge", () => {
  it.each<[string, readonly string[], string | undefined]>([
    ["is missing", pull, undefined],
    ["is empty", pull, "  "],
    ["is what was asked for", pull, "repository:a/b:pull"],
    ["is less", ["repository:a/b:pull,push"], "repository:a/b:push"],
    [
      "is the same in another order",
      ["repository:a:pull,push", "repository:b:pull"],
      "repository:b:pull repository:a:push,pull",
    ],
    ["has too many", pull, Array.from({ length: 8 }, (_, index) => `repository:${index}:pull`).join(" ")],
    ["is too long", pull, `repository:${"x".repeat(1024)}:pull`],
  ])("adds nothing when it %s", (_, asked, challenge) => {
    expect(widened(asked, challenge)).toBeUndefined();
  });

  it.each<[string, readonly string[], string, readonly string[]]>([
    ["another action", pull, "repository:a/b:pull,push", [...pull, "repository:a/b:pull,push"]],
    [
      "another resource",
      pull,
      "repository:a/b:pull repository:h:5/c:pull",
      [...pull, "repository:h:5/c:pull"],
    ],
    ["a scope of its own form", pull, "aws", [...pull, "aws"]],
    ["the same thing twice", pull, "aws aws", [...pull, "aws"]],
    ["more for no scope", [], "registry:catalog:*", ["registry:catalog:*"]],
  ])("adds %s", (_, asked, challenge, scope) => {
    expect(widened(asked, challenge)).toEqual(scope);
  });
});
