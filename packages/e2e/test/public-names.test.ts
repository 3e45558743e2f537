import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { publicNames } from "../src/public-names.ts";

describe.each(["core", "testkit"])("what %s exports", (name) => {
  const path = fileURLToPath(new URL(`../../${name}/dist/index.d.ts`, import.meta.url));
  const { names, unnamed } = publicNames(path);

  it("has a comment at every name and at every member", () => {
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter(({ comment }) => comment === "").map((one) => one.name)).toEqual([]);
  });

  it("mentions no type that cannot be imported", () => {
    expect(unnamed).toEqual([]);
  });
});

describe.each(["koa", "fastify", "hono"])("what core exports for %s", (name) => {
  const path = fileURLToPath(new URL(`../../core/dist/adapters/${name}.d.ts`, import.meta.url));

  it("has a comment at every name and at every member", () => {
    const { names } = publicNames(path);

    expect(names.length).toBeGreaterThan(2);
    expect(names.filter(({ comment }) => comment === "").map((one) => one.name)).toEqual([]);
  });
});
