import { z } from "zod";
import {
  address,
  breaker,
  configSchema,
  hosted,
  name,
  pattern,
  patterns,
  proxies,
  proxy,
  tls,
  upstreamUrl,
} from "./schema.ts";

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
  const made = z.toJSONSchema(configSchema, {
    io: "input",
    // Editors support it best.
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
  // Plain data, without zod's hidden properties.
  return JSON.parse(JSON.stringify(made));
}

type ZodJson = z.core.JSONSchema.BaseSchema;
type Rewrite = (parsed: ZodJson) => ZodJson;

// The parser is stricter: it accepts only URLs and addresses that Node can parse.
const port = ":0*(\\d{0,4}|[0-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])";
const urlPattern = `^[Hh][Tt][Tt][Pp][Ss]?://([^\\s/?#@:[\\]]+|\\[[0-9A-Fa-f:.]+\\])(${port})?(/[^?#]*)?$`;
const byte = "(\\d|[1-9]\\d|1\\d{2}|2[0-4]\\d|25[0-5])";
const range4 = `${byte}(\\.${byte}){3}(/(0{0,2}\\d|0?[12]\\d|0?3[0-2]))?`;
// A link-local address may name its network (RFC 4007 section 11).
const range6 = "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[0-9A-Za-z.:-]+)?(/(\\d{1,2}|0\\d{2}|1[01]\\d|12[0-8]))?";
const component = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*|[a-z0-9._-]*\\*([a-z0-9._-]+\\*)*[a-z0-9._-]*|\\*\\*";

const oneOrList: Rewrite = (list) => ({ anyOf: [schemaIn(list.items), list] });
const urlOrTable: Rewrite = (table) => ({ anyOf: [{ type: "string", pattern: urlPattern }, table] });

/** For what zod does not know: the parser turns short forms into long ones, and checks some texts with code. */
const rewrites: ReadonlyMap<z.core.$ZodType, Rewrite> = new Map<z.core.$ZodType, Rewrite>([
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

function rewrite(schema: z.core.$ZodType, json: ZodJson): ZodJson {
  const rewritten = rewrites.get(schema)?.(json) ?? json;
  if (schema instanceof z.ZodObject) {
    return rewriteTable(rewritten, schema.def.shape);
  }
  // zod leaves the default out if the input is not what is parsed.
  if (schema instanceof z.ZodDefault) {
    return { ...rewritten, default: schema.def.defaultValue };
  }
  // An empty table is no default: its options have theirs.
  const { default: itsDefault, ...rest } = rewritten;
  return JSON.stringify(itsDefault) === "{}" ? rest : rewritten;
}

function rewriteTable(table: ZodJson, shape: z.core.$ZodShape): ZodJson {
  const options = Object.entries(shape);
  const properties = options.flatMap(([key, value]) =>
    isFunction(value) ? [] : [[key, schemaIn(table.properties?.[key])] as const],
  );
  const required = options.flatMap(([key, value]) => (isRequired(value) ? [key] : []));
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

/** zod takes every preprocessed option for optional. */
function isRequired(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodPipe
    ? isRequired(schema.def.out)
    : [z.ZodDefault, z.ZodPrefault, z.ZodOptional].every((optional) => !(schema instanceof optional));
}
