import type { JsonSchema } from "@combined-registry/core";

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
