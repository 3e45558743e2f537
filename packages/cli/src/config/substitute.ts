import type { ConfigProblem } from "@combined-registry/core";
import { isTable, type Table } from "./table.ts";

export interface Substituted {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
}

/** Replaces `${VARIABLE}` in every text by the environment variable. `$${` stands for a literal `${`. */
export function substitute(written: unknown, environment: NodeJS.ProcessEnv): Substituted {
  const problems: ConfigProblem[] = [];

  const walk = (value: unknown, option: string): unknown => {
    if (typeof value === "string") {
      return inText(value, option);
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => walk(item, `${option}[${index}]`));
    }
    if (isTable(value)) {
      const inner = (key: string) => (option === "" ? key : `${option}.${key}`);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, inner(key))]));
    }
    return value;
  };

  const inText = (text: string, option: string) =>
    text.replace(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g, (found, variable: string | undefined) => {
      if (found === "$${") {
        return "${";
      }
      if (variable === undefined) {
        problems.push({
          option,
          expected: `a variable's name and } after \${ (or $\${ for a literal \${)`,
          given: "neither",
        });
        return found;
      }
      // An empty variable counts as not set, as everywhere in this program: an empty password is hardly intended.
      const value = environment[variable] || undefined;
      if (value === undefined) {
        problems.push({ option, expected: `a value in environment variable ${variable}`, given: undefined });
      }
      return value ?? "";
    });

  return { value: walk(written, ""), problems };
}

/** The reverse: escapes texts so that `substitute` returns them unchanged. */
export function escapeVariables(meant: Table): Table {
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") {
      // A function, because `replaceAll` takes $$ in a replacement text for one $.
      return value.replaceAll("${", () => "$${");
    }
    if (Array.isArray(value)) {
      return value.map(walk);
    }
    return isTable(value) ? escapeVariables(value) : value;
  };
  return Object.fromEntries(Object.entries(meant).map(([key, value]) => [key, walk(value)]));
}
