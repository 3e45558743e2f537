import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { isTable, type Table } from "../../src/config/table.ts";
import type { Folder } from "../support/folder.ts";
import { accepted, bySchema, folderOfFiles, options } from "./judges.ts";

jest.setTimeout(30_000);

let folder: Folder;
beforeAll(async () => {
  folder = await folderOfFiles();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

const upstream = { url: "http://registry:5000", auth: { username: "router", password: "secret" } };
const base: Table = {
  hosted: upstream,
  proxy: [{ ...upstream, name: "hub" }],
  rules: [{ match: "corp/**" }],
  auth: { htpasswdFile: "./htpasswd" },
};

const odd: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 1.5, 70_000, 2 ** 40],
  ...["", "auto", "5000", "No Such Thing", "http://me:secret@registry", "http://registry?x=1"],
  // Numbers as texts, at their bounds and beyond.
  ...["0", "00", "1", "00001", "000001", "256", "257", "999", "65535", "65536", "99999", "999999", "1000000"],
  ...["-1", "1.5", " 1", "1\n", ["$$", "{A_VARIABLE}"].join("")],
  // The same inside of texts.
  ...[
    "http://registry:65535",
    "http://registry:65536",
    "http://registry:",
    "http://[::1]:00080/x",
    "http://a:b",
  ],
  ...[
    "10.0.0.0/32",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.256",
    "10.0.0",
    "::1/128",
    "::1/129",
    "::/0",
    "fe80::1%eth0",
    "fe80::%eth0/64",
    "10.0.0.1%eth0",
    "5000",
  ].map((range) => [range]),
  ...["router", "Hub", "corp/**", "a**b", "/corp", "10.0.0.0/8", "café"],
  ...[
    [],
    [""],
    ["hosted"],
    ["alice"],
    [1],
    {},
    { nonsense: 1 },
    { url: "http://other:5000" },
    { match: "a" },
  ],
];

/** Puts a value where an option is, making tables on the way; in a list, into its first entry. */
function put(config: unknown, [key = "", ...rest]: readonly string[], value: unknown): unknown {
  if (Array.isArray(config)) {
    return config.map((one, index) => (index === 0 ? put(one, [key, ...rest], value) : one));
  }
  const table = isTable(config) ? config : {};
  return { ...table, [key]: rest.length === 0 ? value : put(table[key], rest, value) };
}

// Both say no to much; these are what only whoever reads the whole can tell.
const onlyTheProgram =
  /PEM certificate|does not cover|one of hosted, proxy|no other upstream|another name|at least as many|pull: what is pushed|without authorize|own credentials|nothing beside hosted/;

describe("the schema and the program", () => {
  test.each(
    options()
      .map(({ path }) => path)
      .filter((path) => path !== "$schema"),
  )("judge every value of %s alike", async (path) => {
    const disagreements: object[] = [];
    for (const value of odd) {
      const config = put(base, path.split("."), value);
      const schema = bySchema(config).refused;
      const program = (await accepted(config, folder.path)).refused;
      const alike = (program === undefined) === (schema.length === 0);
      if (!alike && !(program !== undefined && onlyTheProgram.test(program))) {
        disagreements.push({ value, schema, program });
      }
    }
    expect(disagreements).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["an unknown option", { ...base, hostd: "http://x" }],
    ["an unknown option of an upstream", { ...base, hosted: { ...upstream, timeout: 1 } }],
    ["a password twice", put(base, ["hosted", "auth", "passwordFile"], "./password")],
    ["a user without a password", put(base, ["proxy", "auth"], { username: "router" })],
    ["a certificate without a key", put(base, ["hosted", "tls"], { certFile: "./cert.pem" })],
    ["a key twice", put(base, ["hosted", "tls"], { certFile: "./c", keyFile: "./k", key: "secret" })],
    ["authorities twice", put(base, ["hosted", "tls"], { caFile: "./c", ca: "text" })],
    ["HTTPS without a key", { ...base, tls: { certFile: "./cert.pem" } }],
    ["a hook, which no such file can have", { ...base, authorize: "allow" }],
    ["a logger", { ...base, logger: {} }],
    ["a rule that matches nothing", { ...base, rules: [{ pull: ["hosted"] }] }],
    ["a list of options", [base]],
  ])("refuse %s", async (_, config) => {
    expect(bySchema(config).refused).not.toEqual([]);
    expect((await accepted(config, folder.path)).refused).toBeDefined();
  });

  test.each<[string, unknown]>([
    [
      "key and certificate in files",
      put(base, ["hosted", "tls"], { certFile: "./c", keyFile: "./k", caFile: "./ca" }),
    ],
    ["a password in a file", put(base, ["proxy", "auth"], { username: "u", passwordFile: "./p" })],
    ["one URL for a proxy", { ...base, proxy: "https://registry-1.docker.io" }],
    ["URLs for proxies", { ...base, proxy: ["https://quay.io", { url: "https://ghcr.io", name: "ghcr" }] }],
    ["its own schema", { ...base, $schema: "./node_modules/combined-registry/schema.json" }],
  ])("accept %s", async (_, config) => {
    expect(bySchema(config).refused).toEqual([]);
    expect(await accepted(config, folder.path)).toEqual({ refused: undefined });
  });

  test.each(["hosted", "port", "workers", "logLevel", "base", "drain.timeout", "proxy.url", "rules.match"])(
    "a variable may stand for %s, and what it is only the program can tell",
    async (path) => {
      const config = put(base, path.split("."), ["$", "{A_VARIABLE}"].join(""));
      expect(bySchema(config).refused).toEqual([]);
      expect((await accepted(config, folder.path)).refused).toContain("No such thing");
    },
  );
});
