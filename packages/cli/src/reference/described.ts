import type { JsonSchema } from "@combined-registry/core";
import { type InterfaceDocs, type OptionDoc, readDocs } from "./doc-comments.ts";

/** What a file may have instead of the table that an interface is about. */
const inFiles: Readonly<Record<string, string>> = {
  UpstreamTlsConfig: "UpstreamTlsFiles",
  CredentialsConfig: "CredentialsFile",
  MetricsConfig: "ProgramMetrics",
};

/**
 * Puts the words of TypeScript interfaces into a schema.
 * @param sources the files with the interfaces
 * @param roots the interfaces that have the outermost options
 * @throws Error if an option has no words, or a default other than its comment says
 */
export function describeOptions(
  schema: JsonSchema,
  sources: readonly string[],
  roots: readonly string[],
): JsonSchema {
  const docs = readDocs(sources);
  const tableOf = (names: readonly string[]): InterfaceDocs =>
    new Map(names.flatMap((name) => [...(docs.get(inFiles[name] ?? name) ?? [])]));

  const inTables = (one: JsonSchema, table: InterfaceDocs, path: string): JsonSchema => ({
    ...one,
    ...(one.properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(one.properties).map(([key, option]) => {
          const where = path === "" ? key : `${path}.${key}`;
          const doc = table.get(key);
          if (doc === undefined || doc.text === "") {
            throw new Error(`no comment says what the option ${where} is`);
          }
          return [key, withWords(inTables(option, tableOf(doc.types), where), doc, where)];
        }),
      ),
    }),
    ...(one.items !== undefined && { items: inTables(one.items, table, path) }),
    ...(one.anyOf !== undefined && { anyOf: one.anyOf.map((inner) => inTables(inner, table, path)) }),
  });
  return inTables(schema, tableOf(roots), "");
}

function withWords(schema: JsonSchema, doc: OptionDoc, where: string): JsonSchema {
  const { default: value } = schema;
  if (value !== undefined && doc.default !== undefined && !isJson(doc.default, value)) {
    throw new Error(`the comment on ${where} says that ${doc.default} is its default, and it is ${value}`);
  }
  const sentences = [
    doc.text,
    value === undefined && doc.default !== undefined ? `Default: ${doc.default}.` : "",
  ];
  return {
    description: sentences.filter(Boolean).join(" "),
    ...schema,
    ...(doc.examples.length > 0 && { examples: doc.examples }),
  };
}

function isJson(text: string, value: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value);
  } catch {
    return false;
  }
}

/** `ms` or `bytes`. */
export function unitOf({ "x-unit": unit, anyOf = [] }: JsonSchema): string | undefined {
  return typeof unit === "string" ? unit : anyOf.map(unitOf).find((one) => one !== undefined);
}
