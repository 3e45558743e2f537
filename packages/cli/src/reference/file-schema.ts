import { configJsonSchema, type JsonSchema } from "@combined-registry/core";
import { z } from "zod";
import { ownSchema, parseOwn } from "../config/own-schema.ts";
import { isTable } from "../config/table.ts";
import { defaults } from "../defaults.ts";

/** The schema of a configuration file: the options of the program and of the router, without descriptions. */
export function fileSchema(): JsonSchema {
  const { properties: ownOptions = {} } = ownJsonSchema();
  const { properties: routerOptions = {}, ...router } = configJsonSchema();
  // Flags and environment may set the options that a file leaves out.
  const { required: _, ...rest } = router;
  return mapSchema({ ...rest, properties: { ...ownOptions, ...routerOptions } }, (schema, path) =>
    withVariables(withFiles(withProgramsDefault(schema, path), path)),
  );
}

function ownJsonSchema(): JsonSchema {
  const made = z.toJSONSchema(ownSchema, { io: "input", target: "draft-7" });
  const schema: JsonSchema = JSON.parse(JSON.stringify(made));
  const { own } = parseOwn({});
  return mapSchema(schema, (option, path, isPart) => {
    if (isPart) {
      return option;
    }
    const given = digits.get(path.join("."));
    const value = path.reduce<unknown>((table, key) => (isTable(table) ? table[key] : undefined), own);
    const { default: itsDefault = value, ...rest } = option;
    const said = given === undefined ? rest : orDigits(rest, given);
    return itsDefault === undefined || isTable(itsDefault) ? said : { ...said, default: itsDefault };
  });
}

/** Numbers that may also be texts, since variables are texts. The patterns accept what the program accepts, also leading zeros. */
const digits: ReadonlyMap<string, string> = new Map([
  // 0 to 65535
  ["port", "^(\\d{1,4}|[0-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])$"],
  // 1 to 256
  ["workers", "^(?!\\d{6})0*([1-9]\\d?|1\\d{2}|2[0-4]\\d|25[0-6])$"],
  // Seconds, at least 1
  ["drain.timeout", "^(?!0+$)\\d{1,6}$"],
]);

function orDigits({ anyOf, ...alone }: JsonSchema, pattern: string): JsonSchema {
  return { anyOf: [...(anyOf ?? [alone]), { type: "string", pattern }] };
}

/** The program's default for an option of the router. */
function withProgramsDefault(schema: JsonSchema, path: readonly string[]): JsonSchema {
  return path.join(".") === "metrics.process" ? { ...schema, default: defaults.processMetrics } : schema;
}

function withFiles(schema: JsonSchema, path: readonly string[]): JsonSchema {
  const table = path.at(-1);
  const ofUpstream = path.length > 1 && schema.properties !== undefined;
  if (ofUpstream && table === "auth") {
    return {
      ...schema,
      properties: { ...schema.properties, passwordFile: fileName },
      required: ["username"],
      ...oneOf("password", "passwordFile"),
    };
  }
  if (ofUpstream && table === "tls") {
    return {
      ...schema,
      properties: { ...schema.properties, caFile: fileName, certFile: fileName, keyFile: fileName },
      dependencies: {
        caFile: not("ca"),
        cert: { ...oneOf("key", "keyFile"), ...not("certFile") },
        certFile: { ...oneOf("key", "keyFile"), ...not("cert") },
        key: { ...oneOf("cert", "certFile"), ...not("keyFile") },
        keyFile: { ...oneOf("cert", "certFile"), ...not("key") },
      },
    };
  }
  return schema;
}

const fileName: JsonSchema = { type: "string", minLength: 1 };
const not = (option: string): JsonSchema => ({ not: { required: [option] } });
const oneOf = (...options: readonly string[]): JsonSchema => ({
  oneOf: options.map((option) => ({ required: [option] })),
});

// `$${` is a literal `${`.
const variable = "(^|[^$])\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}";

/** A pattern applies only after variables are replaced, so a text with a variable is valid too. */
function withVariables(schema: JsonSchema): JsonSchema {
  const { type, enum: values, pattern, ...rest } = schema;
  if (type === "string" && values !== undefined) {
    return { ...rest, anyOf: [{ enum: values }, { type, pattern: variable }] };
  }
  return pattern === undefined ? schema : { ...schema, pattern: `${pattern}|${variable}` };
}

/** Whether a schema allows a text only because of variables. */
export function isVariable({ type, pattern }: JsonSchema): boolean {
  const ofDigits = [...digits.values()].map((digit) => `${digit}|${variable}`);
  return type === "string" && pattern !== undefined && [variable, ...ofDigits].includes(pattern);
}

/**
 * Maps a schema whose parts are mapped already. `path` are the keys that lead to it; lists add none. `isPart`: it is an alternative of
 * an option, or the item of a list, and not the option itself.
 */
export type MapOne = (schema: JsonSchema, path: readonly string[], isPart: boolean) => JsonSchema;

/** Maps a schema from its innermost parts outwards. */
export function mapSchema(
  schema: JsonSchema,
  map: MapOne,
  path: readonly string[] = [],
  isPart = false,
): JsonSchema {
  const { properties, items, anyOf } = schema;
  return map(
    {
      ...schema,
      ...(properties !== undefined && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([key, value]) => [key, mapSchema(value, map, [...path, key])]),
        ),
      }),
      ...(items !== undefined && { items: mapSchema(items, map, path, true) }),
      ...(anyOf !== undefined && { anyOf: anyOf.map((one) => mapSchema(one, map, path, true)) }),
    },
    path,
    isPart,
  );
}

/** The tables that an option can be: itself, an alternative, or the items of its list. */
export function tablesIn(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema.properties === undefined ? [] : [schema]), ...inner.flatMap(tablesIn)];
}
