/** An object of a configuration file. */
export type Table = Readonly<Record<string, unknown>>;

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Like `Promise.all` over the values of a table. */
export async function mapValues(table: Table, map: (value: unknown, key: string) => unknown): Promise<Table> {
  return Object.fromEntries(
    await Promise.all(Object.entries(table).map(async ([key, value]) => [key, await map(value, key)])),
  );
}
