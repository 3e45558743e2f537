import ts from "typescript-5";

// TypeScript 7 has no API for programs yet, so this reads declarations with 5.

/** Something that a package's users see: an exported name, or a member of an exported type. */
export interface PublicName {
  /** `CombinedRegistryConfig.hosted`, `TokenOptions.method` */
  readonly name: string;
  /** What its comment says; empty without one. */
  readonly comment: string;
}

/** What a declaration file exports. */
export interface PublicNames {
  readonly names: readonly PublicName[];
  /** Types of the package that exported ones mention, but that nobody can import: `Options in createThing`. */
  readonly unnamed: readonly string[];
}

/** Reads a package's declarations, as its users' editors do. */
export function publicNames(declarations: string): PublicNames {
  const program = ts.createProgram([declarations], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ["node"],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(declarations);
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) {
    throw new Error(`${declarations} exports nothing`);
  }
  const exported = checker.getExportsOfModule(module).map((symbol) => original(symbol, checker));
  const declared = exported.flatMap((symbol) =>
    (symbol.declarations ?? []).map((node) => ({ name: symbol.name, node })),
  );
  return {
    names: [
      ...exported.map((symbol) => ({ name: symbol.name, comment: commentOf(symbol, checker) })),
      ...declared.flatMap(({ name, node }) => membersIn(node, name, checker)),
    ],
    unnamed: declared.flatMap(({ name, node }) => unnamedIn(node, name, exported, checker)),
  };
}

/** Exports name what is declared in another file. */
function original(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function commentOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const tags = symbol.getJsDocTags(checker).map(({ text }) => ts.displayPartsToString(text));
  return [ts.displayPartsToString(symbol.getDocumentationComment(checker)), ...tags].join(" ").trim();
}

/** Members of an interface, a class or an object type, and of those within their types. */
function membersIn(node: ts.Node, path: string, checker: ts.TypeChecker): PublicName[] {
  const found: PublicName[] = [];
  ts.forEachChild(node, (child) => {
    const symbol = isMember(child) && !isPrivate(child) ? checker.getSymbolAtLocation(child.name) : undefined;
    const here = symbol === undefined ? path : `${path}.${symbol.name}`;
    if (symbol !== undefined) {
      found.push({ name: here, comment: commentOf(symbol, checker) });
    }
    found.push(...membersIn(child, here, checker));
  });
  return found;
}

type Member = ts.PropertySignature | ts.MethodSignature | ts.PropertyDeclaration | ts.MethodDeclaration;

function isMember(node: ts.Node): node is Member {
  return (
    ts.isPropertySignature(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node)
  );
}

function isPrivate(node: Member): boolean {
  return (
    ts.isPrivateIdentifier(node.name) || !!(ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private)
  );
}

function unnamedIn(
  node: ts.Node,
  path: string,
  exported: readonly ts.Symbol[],
  checker: ts.TypeChecker,
): string[] {
  const found: string[] = [];
  const visit = (child: ts.Node) => {
    const name = nameOfType(child);
    const symbol = name && checker.getSymbolAtLocation(name);
    const target = symbol && original(symbol, checker);
    if (target !== undefined && isOurs(target) && !exported.includes(target)) {
      found.push(`${target.name} in ${path}`);
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

function nameOfType(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) {
    return node.typeName;
  }
  return ts.isExpressionWithTypeArguments(node) ? node.expression : undefined;
}

/** Neither a type parameter nor a type of Node's, TypeScript's or a dependency's. */
function isOurs(symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some(
    (node) =>
      !ts.isTypeParameterDeclaration(node) && !node.getSourceFile().fileName.includes("/node_modules/"),
  );
}
