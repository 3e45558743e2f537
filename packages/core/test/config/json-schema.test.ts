import { configJsonSchema, type JsonSchema } from "@combined-registry/core";
import { describe, expect, it } from "@jest/globals";
import { completeConfig } from "../../src/config/complete-config.ts";

const schema = configJsonSchema();

/** The table that an option may be. */
function tableIn({ properties, anyOf = [], items }: JsonSchema): Readonly<Record<string, JsonSchema>> {
  const inner = [...anyOf, ...(items === undefined ? [] : [items])];
  return properties ?? inner.map(tableIn).find((table) => Object.keys(table).length > 0) ?? {};
}

/** Each default, by where it stands. */
function defaultsOf(table: Readonly<Record<string, JsonSchema>>): object {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, option]): [string, unknown][] => {
      const inner = defaultsOf(tableIn(option));
      const value = option.default ?? (Object.keys(inner).length > 0 ? inner : undefined);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

describe("the JSON Schema", () => {
  it("has the defaults that apply", () => {
    const options = schema.properties ?? {};
    const { hosted = {}, proxy = {}, rules: _, ...rest } = options;
    const complete = completeConfig({ hosted: "http://h", proxy: "http://p", rules: [{ match: "**" }] });

    expect(complete).toMatchObject(defaultsOf(rest));
    expect(complete.hosted).toMatchObject(defaultsOf(tableIn(hosted)));
    // One pattern alone is a list of one.
    expect(complete.proxies[0]).toMatchObject({ ...defaultsOf(tableIn(proxy)), match: ["**"] });
    expect(complete.rules[0]).toMatchObject(defaultsOf(tableIn(options.rules ?? {})));
  });

  it("has no option that is a function, or an object of functions", () => {
    const keys = Object.keys(schema.properties ?? {});
    expect(keys).toEqual(expect.arrayContaining(["hosted", "rules", "metrics"]));
    expect(keys.filter((key) => ["authorize", "logger", "peers"].includes(key))).toEqual([]);
    expect(Object.keys(tableIn(schema.properties?.metrics ?? {}))).toEqual(["process"]);
  });

  it("names the required options", () => {
    const { hosted = {}, rules = {} } = schema.properties ?? {};
    expect(schema.required).toEqual(["hosted", "proxy"]);
    expect(hosted.anyOf?.[1]?.required).toEqual(["url"]);
    expect(rules.items?.required).toEqual(["match"]);
  });

  it("is plain data, created for each call", () => {
    expect(configJsonSchema()).toEqual(schema);
    expect(configJsonSchema()).not.toBe(schema);
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});

describe("breaker", () => {
  it.each([null, true, "off"])("%j is refused, only false switches it off", (breaker) => {
    expect(() => completeConfig({ hosted: { url: "http://h", breaker }, proxy: "http://p" })).toThrow(
      `hosted.breaker: expected false, or a table with failures, delay and longestDelay, given ${JSON.stringify(breaker)}`,
    );
  });
});
