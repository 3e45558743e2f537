import { type ParseResult, parse } from "@babel/parser";
import type { JsonSchema } from "@combined-registry/core";

/** Interfaces of the router, and those of the program that extend them for files. */
const inFiles: Readonly<Record<string, string>> = {
  UpstreamTlsConfig: "UpstreamTlsFiles",
  CredentialsConfig: "CredentialsFile",
  MetricsConfig: "ProgramMetrics",
};

/**
 * Adds the doc comments of TypeScript interfaces to a schema.
 * @param sources the texts of the files with the interfaces
 * @param roots the interfaces of the top-level options
 * @throws Error if an option has no comment, or its default differs from the comment
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
            throw new Error(`the option ${where} has no comment`);
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

/** The doc comment of an option. */
export interface OptionDoc {
  readonly text: string;
  /** The text of `@default`. */
  readonly default: string | undefined;
  /** The values of `@example`, as JSON. */
  readonly examples: readonly unknown[];
  /** The interfaces in its type. */
  readonly types: readonly string[];
}

/** The options of an interface, inherited ones included. */
export type InterfaceDocs = ReadonlyMap<string, OptionDoc>;

type Statement = ParseResult["program"]["body"][number];
type InterfaceNode = Extract<Statement, { type: "TSInterfaceDeclaration" }>;
type InterfaceMember = InterfaceNode["body"]["body"][number];
type Comments = InterfaceMember["leadingComments"];

export function readDocs(sources: readonly string[]): ReadonlyMap<string, InterfaceDocs> {
  const interfaces = new Map(
    sources.flatMap((source) => interfacesIn(source).map((found) => [found.id.name, found] as const)),
  );
  const docsOf = (name: string): InterfaceDocs => {
    const found = interfaces.get(name);
    const inherited = found?.extends?.flatMap(({ expression }) =>
      expression.type === "Identifier" ? [...docsOf(expression.name)] : [],
    );
    return new Map([...(inherited ?? []), ...(found?.body.body ?? []).flatMap(optionIn)]);
  };
  return new Map([...interfaces.keys()].map((name) => [name, docsOf(name)]));
}

function interfacesIn(source: string): InterfaceNode[] {
  const { program } = parse(source, { sourceType: "module", plugins: ["typescript"] });
  return program.body.flatMap((statement) =>
    statement.type === "ExportNamedDeclaration" && statement.declaration?.type === "TSInterfaceDeclaration"
      ? [statement.declaration]
      : [],
  );
}

function optionIn(member: InterfaceMember): [string, OptionDoc][] {
  if (member.type !== "TSPropertySignature" || member.key.type !== "Identifier") {
    return [];
  }
  const types = typeNames(member.typeAnnotation);
  return [[member.key.name, { ...readComment(member.leadingComments), types }]];
}

/** All type references in a type: `string | readonly ProxyConfig[]` has one. */
function typeNames(node: unknown): string[] {
  if (typeof node !== "object" || node === null) {
    return [];
  }
  if ("type" in node && node.type === "TSTypeReference" && "typeName" in node) {
    const { typeName } = node;
    return typeof typeName === "object" && typeName !== null && "name" in typeName
      ? [String(typeName.name)]
      : [];
  }
  return Object.entries(node).flatMap(([key, value]) => (key.endsWith("Comments") ? [] : typeNames(value)));
}

function readComment(comments: Comments): Omit<OptionDoc, "types"> {
  const block = comments?.findLast(({ type, value }) => type === "CommentBlock" && value.startsWith("*"));
  const plain = (block?.value ?? "").replace(/^\s*\*+ ?/gm, "").replaceAll("*\\/", "*/");
  const [text = "", ...tags] = plain.split(/(?:^|\s)(?=@(?:default|example)\s)/);
  const all = (name: string) =>
    tags.flatMap((tag) => (tag.startsWith(`@${name} `) ? [oneLine(tag.slice(name.length + 2))] : []));
  return {
    text: oneLine(text),
    default: all("default")[0],
    examples: all("example").map((example): unknown => JSON.parse(example)),
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
