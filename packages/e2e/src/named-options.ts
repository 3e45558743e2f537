import type { JsonSchema } from "@combined-registry/core";
import { Ajv } from "ajv";
import { parse } from "yaml";

/** An option as a page names it: `memory.ttl`, or `shadow: deny` with a value. */
export interface NamedOption {
  readonly path: string;
  readonly value?: unknown;
}

// A file, though it begins with an option: `hosts.toml`.
const file = /\.(?:toml|ya?ml|json|js|mjs|md)$/;
const dotted = /^[a-z]\w*(?:\[\d*\])?(?:\.\w+(?:\[\d*\])?)+$/;
const assigned = /^[a-z]\w*(?:\[\d*\])?(?:\.\w+(?:\[\d*\])?)*: /;

/** What a piece of code in a text may say of options: others have fields and keys, too. */
export function optionsIn(span: string): NamedOption[] {
  if (dotted.test(span) && !file.test(span)) {
    return [{ path: span.replace(/^config\./, "") }];
  }
  return assigned.test(span) || /^\{ \w+: .*\}$/.test(span) ? optionsOf(span) : [];
}

/** The options at the top of a configuration in YAML, which may stand under `config`, as in the chart's values. */
export function optionsOf(yaml: string): NamedOption[] {
  const table = readTable(yaml);
  const { config = table }: { config?: object } = table;
  return Object.entries(config).map(([path, value]) => ({ path, value }));
}

/** @returns an empty one for what is no YAML, such as `{ hits, remove() }` */
function readTable(text: string): object {
  try {
    const read: unknown = parse(text);
    return typeof read === "object" && read !== null ? read : {};
  } catch {
    return {};
  }
}

/** The options that there are. */
export class Options {
  readonly #roots: readonly (readonly JsonSchema[])[];
  // What the schema says for people is nothing to it.
  readonly #ajv = new Ajv({ strict: false });

  constructor(schema: JsonSchema) {
    // Pages speak of `breaker.delay` and mean that of any upstream.
    this.#roots = [[], ["hosted"], ["proxy"], ["rules"]].map((path) => follow([schema], path));
  }

  /**
   * What a piece of code says of options that cannot be: there is no such option, or it cannot have that value.
   * `key: value` is taken for an option whatever the key is; `a.b` and `{ key: value }` only if they begin as one.
   */
  wrongIn(span: string): NamedOption[] {
    const named = optionsIn(span);
    const meant =
      assigned.test(span) || named.some(({ path }) => this.#find(stepsOf(path).slice(0, 1)).length > 0);
    return meant ? named.filter((option) => !this.has(option)) : [];
  }

  /** Whether there is such an option, and it may have such a value. */
  has({ path, value }: NamedOption): boolean {
    const found = this.#find(stepsOf(path));
    return value === undefined ? found.length > 0 : found.some((schema) => this.#ajv.validate(schema, value));
  }

  #find(steps: readonly string[]): JsonSchema[] {
    return this.#roots.flatMap((root) => follow(root, steps));
  }
}

function stepsOf(path: string): string[] {
  return path.replace(/\[\d*\]/g, "").split(".");
}

function follow(schemas: readonly JsonSchema[], [step, ...rest]: readonly string[]): JsonSchema[] {
  if (step === undefined) {
    return [...schemas];
  }
  const inside = schemas.flatMap(forms).map((schema) => schema.properties?.[step]);
  return follow(
    inside.filter((schema) => schema !== undefined),
    rest,
  );
}

/** All that a value may be: an upstream is a table or a text, and several of them are a list. */
function forms(schema: JsonSchema): JsonSchema[] {
  const others = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  return [schema, ...others.flatMap(forms)];
}
