import { type ParseResult, parse } from "@babel/parser";

/** What the comment above an option says. */
export interface OptionDoc {
  readonly text: string;
  /** What `@default` says. */
  readonly default: string | undefined;
  /** The values of `@example`, as JSON. */
  readonly examples: readonly unknown[];
  /** The interfaces that its type names. */
  readonly types: readonly string[];
}

/** An interface, with the options of those it extends. */
export type InterfaceDocs = ReadonlyMap<string, OptionDoc>;

type Statement = ParseResult["program"]["body"][number];
type InterfaceNode = Extract<Statement, { type: "TSInterfaceDeclaration" }>;
type Member = InterfaceNode["body"]["body"][number];
type Comments = Member["leadingComments"];

/** Reads the interfaces of TypeScript sources, and the comments in them. */
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

function optionIn(member: Member): [string, OptionDoc][] {
  if (member.type !== "TSPropertySignature" || member.key.type !== "Identifier") {
    return [];
  }
  const types = typeNames(member.typeAnnotation);
  return [[member.key.name, { ...readComment(member.leadingComments), types }]];
}

/** All names in a type: `string | readonly ProxyConfig[]` has one. */
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
