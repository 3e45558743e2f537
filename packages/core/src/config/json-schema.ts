import { z } from "zod";
import { pattern, patterns } from "./rule-schema.ts";
import { address, configSchema } from "./schema.ts";
import { breaker, hosted, name, proxies, proxy, tls, upstreamUrl } from "./upstream-schema.ts";

/** A JSON Schema as plain data. */
export interface JsonSchema {
  /** Any other keyword. */
  readonly [keyword: string]: unknown;
  /** `object`, `array`, `string`, `number`, `integer` or `boolean`; any value without. */
  readonly type?: string | undefined;
  /** What may stand in an object. */
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** What must stand in an object. */
  readonly required?: readonly string[];
  /** What each of a list is. */
  readonly items?: JsonSchema;
  /** One of these at least. */
  readonly anyOf?: readonly JsonSchema[];
  /** One of these values. */
  readonly enum?: readonly unknown[];
  /** What a text must match. */
  readonly pattern?: string;
  /** For people. */
  readonly description?: string;
  /** What holds if it is not written. */
  readonly default?: unknown;
  /** Values that can be meant. */
  readonly examples?: readonly unknown[];
}

/**
 * The options of `createCombinedRegistryHandler` as a JSON Schema (draft 7), but for those that are functions. What no single option
 * shows, such as two upstreams of one name, only the parser can tell. `x-unit` is `ms` or `bytes`.
 */
export function configJsonSchema(): JsonSchema {
  return toJsonSchema(configSchema);
}

type ZodJson = z.core.JSONSchema.BaseSchema;
type Rewrite = (parsed: ZodJson) => ZodJson;

// The parser knows these better: only a URL that can be read is one.
const port = ":0*(\\d{0,4}|[0-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])";
const urlPattern = `^[Hh][Tt][Tt][Pp][Ss]?://([^\\s/?#@:[\\]]+|\\[[0-9A-Fa-f:.]+\\])(${port})?(/[^?#]*)?$`;
const byte = "(\\d|[1-9]\\d|1\\d{2}|2[0-4]\\d|25[0-5])";
const range4 = `${byte}(\\.${byte}){3}(/(0{0,2}\\d|0?[12]\\d|0?3[0-2]))?`;
// A link-local one may name its network (RFC 4007 section 11).
const range6 = "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[0-9A-Za-z.:-]+)?(/(\\d{1,2}|0\\d{2}|1[01]\\d|12[0-8]))?";
const component = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*|[a-z0-9._-]*\\*([a-z0-9._-]+\\*)*[a-z0-9._-]*|\\*\\*";

const oneOrList: Rewrite = (list) => ({ anyOf: [schemaIn(list.items), list] });
const urlOrTable: Rewrite = (table) => ({ anyOf: [{ type: "string", pattern: urlPattern }, table] });

/** How what the parser takes is written: it reads short forms as long ones, and checks some texts with code. */
const asWritten: ReadonlyMap<z.core.$ZodType, Rewrite> = new Map<z.core.$ZodType, Rewrite>([
  [upstreamUrl, (url) => ({ ...url, pattern: urlPattern })],
  [hosted, urlOrTable],
  [proxy, urlOrTable],
  [proxies, oneOrList],
  [pattern, (text) => ({ ...text, maxLength: 255, pattern: `^(${component})(/(${component}))*$` })],
  [patterns, oneOrList],
  [name, (text) => ({ ...text, not: { const: "router" } })],
  [address, (text) => ({ ...text, pattern: `^(${range4}|${range6})$` })],
  [tls, (table) => ({ ...table, dependencies: { cert: ["key"], key: ["cert"] } })],
  [breaker, ({ anyOf: [table = {}] = [] }) => ({ anyOf: [table, { const: false }] })],
]);

function toJsonSchema(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io: "input",
    // What editors understand best.
    target: "draft-7",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const rewritten = rewrite(zodSchema, { ...jsonSchema });
      for (const keyword of Object.keys(jsonSchema)) {
        delete jsonSchema[keyword];
      }
      Object.assign(jsonSchema, rewritten);
    },
  });
  // Plain data, without what zod hides in it.
  return JSON.parse(JSON.stringify(made));
}

function rewrite(schema: z.core.$ZodType, json: ZodJson): ZodJson {
  const written = asWritten.get(schema)?.(json) ?? json;
  if (schema instanceof z.ZodObject) {
    return ofTable(written, schema.def.shape);
  }
  // zod leaves a default out where what is written is not what is parsed.
  if (schema instanceof z.ZodDefault) {
    return { ...written, default: schema.def.defaultValue };
  }
  // What a table is without options, its options say.
  const { default: itsDefault, ...rest } = written;
  return JSON.stringify(itsDefault) === "{}" ? rest : written;
}

function ofTable(table: ZodJson, shape: z.core.$ZodShape): ZodJson {
  const options = Object.entries(shape);
  const properties = options.flatMap(([key, value]) =>
    isFunction(value) ? [] : [[key, schemaIn(table.properties?.[key])] as const],
  );
  const required = options.flatMap(([key, value]) => (mustBeGiven(value) ? [key] : []));
  const { required: _, ...rest } = table;
  return {
    ...rest,
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
  };
}

function schemaIn(schema: ZodJson["items"]): ZodJson {
  return typeof schema === "object" && !Array.isArray(schema) ? schema : {};
}

/** Hooks, and objects of functions. */
function isFunction(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodOptional ? isFunction(schema.def.innerType) : schema instanceof z.ZodCustom;
}

/** zod counts whatever is read in code before it is parsed as optional. */
function mustBeGiven(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodPipe
    ? mustBeGiven(schema.def.out)
    : [z.ZodDefault, z.ZodPrefault, z.ZodOptional].every((optional) => !(schema instanceof optional));
}
