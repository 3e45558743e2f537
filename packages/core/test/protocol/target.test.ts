import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { parseRequest, parseTarget } from "../../src/protocol/request.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function repositoryIn(text: string): string {
  const target = parseTarget(text);
  const parsed = target.kind === "api" ? parseRequest("GET", target.rest, target.search) : undefined;
  return parsed?.resource.kind === "tags" ? parsed.resource.repository : "";
}

describe("a repository name that is cached from a request", () => {
  it.each<[string, (path: string) => string]>([
    ["name for this registry", (path) => `http://${"x".repeat(12_000)}${path}`],
    ["query", (path) => `${path}?x=${"x".repeat(12_000)}`],
  ])("does not keep a target with a long %s alive", (_, targetOf) => {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;

    const names = Array.from({ length: 500 }, (__, number) =>
      // As it comes off a connection.
      repositoryIn(Buffer.from(targetOf(`/v2/some-long-repository-${number}/tags/list`)).toString()),
    );

    collectGarbage();
    expect(names.at(-1)).toBe("some-long-repository-499");
    expect((process.memoryUsage().heapUsed - before) / names.length).toBeLessThan(2_000);
  });
});
