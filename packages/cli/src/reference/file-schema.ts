import { configJsonSchema, type JsonSchema } from "@combined-registry/core";
import { z } from "zod";
import { ownSchema, parseOwn } from "../config/own-schema.ts";
import { isTable } from "../config/table.ts";
import { defaults } from "../defaults.ts";

/** The schema of a configuration file: what the program and the router take, and how a file may say it. Without words. */
export function fileSchema(): JsonSchema {
  const { properties: ownOptions = {} } = ownJsonSchema();
  const { properties: routerOptions = {}, ...router } = configJsonSchema();
  // Flags and environment may give what a file leaves out.
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

/** The numbers that may be written as texts, too: a variable has nothing else. As the program reads them, zeros in front included. */
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

/** The program's choice for an option of the router's. */
function withProgramsDefault(schema: JsonSchema, path: readonly string[]): JsonSchema {
  return path.join(".") === "metrics.process" ? { ...schema, default: defaults.processMetrics } : schema;
}

/** Secrets and certificates of upstreams can be in files of their own. */
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

// With another $ in front of it, it would be the mere characters.
const variable = "(^|[^$])\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}";

/** What a text has to look like is known only when its variables are replaced. */
function withVariables(schema: JsonSchema): JsonSchema {
  const { type, enum: values, pattern, ...rest } = schema;
  if (type === "string" && values !== undefined) {
    return { ...rest, anyOf: [{ enum: values }, { type, pattern: variable }] };
  }
  return pattern === undefined ? schema : { ...schema, pattern: `${pattern}|${variable}` };
}

/** Whether it is a text only because it may hold a variable, or digits from one. */
export function isVariable({ type, pattern }: JsonSchema): boolean {
  const ofDigits = [...digits.values()].map((digit) => `${digit}|${variable}`);
  return type === "string" && pattern !== undefined && [variable, ...ofDigits].includes(pattern);
}

/**
 * What to make of a schema, once its parts are made. `path` are the keys that lead to it; lists add none. `isPart`: it is one of
 * those that an option can be, or that its list has, rather than the option.
 */
export type MapOne = (schema: JsonSchema, path: readonly string[], isPart: boolean) => JsonSchema;

/** Makes a schema anew, from its innermost parts outwards. */
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

/** The tables that an option can be: itself, one of what it may be, or those in a list. */
export function tablesIn(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema.properties === undefined ? [] : [schema]), ...inner.flatMap(tablesIn)];
}
