import { readFile } from "node:fs/promises";
import type { JsonSchema } from "@combined-registry/core";
import { describeOptions, unitOf } from "./descriptions.ts";
import { fileSchema, mapSchema } from "./file-schema.ts";
import { renderReference } from "./page.ts";

const root = new URL("../../../../", import.meta.url);
const documented = [
  "packages/cli/src/config/written-own.ts",
  ...["options.ts", "upstream-options.ts"].map((part) => `packages/core/src/config/${part}`),
];

/** A file of this repository that is made out of the others. */
export interface MadeFile {
  readonly url: URL;
  readonly content: string;
}

/** Makes the JSON Schema that the package brings along, and the page on every option. */
export async function makeReference(): Promise<readonly MadeFile[]> {
  const sources = await Promise.all(documented.map((file) => readFile(new URL(file, root), "utf8")));
  const schema = describeOptions(fileSchema(), sources, ["OwnConfig", "CombinedRegistryConfig"]);
  const page = new URL("docs/configuration.md", root);
  return [
    { url: new URL("packages/cli/schema.json", root), content: published(schema) },
    { url: page, content: renderReference(schema, await readFile(page, "utf8")) },
  ];
}

const units: Readonly<Record<string, string>> = { ms: "milliseconds", bytes: "bytes" };

/** Units are said with the option. */
function inWords(schema: JsonSchema): JsonSchema {
  const { description } = schema;
  const unit = units[unitOf(schema) ?? ""];
  return description === undefined || unit === undefined || description.toLowerCase().includes(unit)
    ? schema
    : { ...schema, description: `${description} In ${unit}.` };
}

/** Validators do not know the keyword. */
function withoutUnit({ "x-unit": _, ...known }: JsonSchema): JsonSchema {
  return known;
}

function published(schema: JsonSchema): string {
  const { $schema, ...rest } = mapSchema(mapSchema(schema, inWords), withoutUnit);
  const whole = {
    $schema,
    title: "Combined Registry",
    description: "The configuration file of combined-registry.",
    ...rest,
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}
