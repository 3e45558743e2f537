import { readFileSync } from "node:fs";
import ts from "typescript-5";

/** An identifier where it is declared. */
export interface DeclaredName {
  readonly name: string;
  readonly line: number;
}

/** The functions, classes, types, members, parameters and variables that a source file declares. */
export function declaredNames(path: string, text = readFileSync(path, "utf8")): DeclaredName[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const names: DeclaredName[] = [];
  const visit = (node: ts.Node): void => {
    const name = nameDeclaredBy(node);
    if (name !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(name.getStart(source));
      names.push({ name: name.text.replace(/^#/, ""), line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function nameDeclaredBy(node: ts.Node): ts.Identifier | ts.PrivateIdentifier | undefined {
  // Without `as`, an import repeats a name that another file or package has declared.
  const declares =
    isDeclaration(node) || ((ts.isImportSpecifier(node) || ts.isExportSpecifier(node)) && node.propertyName);
  const name = declares ? node.name : undefined;
  return name && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name)) ? name : undefined;
}

type Declaration =
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.ClassDeclaration
  | ts.ClassExpression
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.TypeParameterDeclaration
  | ts.PropertySignature
  | ts.PropertyDeclaration
  | ts.MethodSignature
  | ts.MethodDeclaration
  | ts.AccessorDeclaration
  | ts.ParameterDeclaration
  | ts.VariableDeclaration
  | ts.BindingElement;

function isDeclaration(node: ts.Node): node is Declaration {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isClassLike(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isTypeParameterDeclaration(node) ||
    ts.isTypeElement(node) ||
    ts.isClassElement(node) ||
    ts.isParameter(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isBindingElement(node)
  );
}
