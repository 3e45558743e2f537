import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonSchema } from "@combined-registry/core";
import { Document, isMap, isScalar } from "yaml";
import { shippedSchema } from "../config/shipped-schema.ts";
import type { Table } from "../config/table.ts";

/** Options that the file mentions even if they are not set. */
const worthKnowing = ["rules", "trustProxy", "base", "lists", "operations", "workers", "logLevel"];
const schemaFile = "node_modules/combined-registry/schema.json";
const width = 100;

/**
 * A configuration file in YAML. The description of each option is a comment.
 * @param home the folder of the file
 */
export function renderConfig(table: Table, home: string): string {
  const { properties: described = {} } = shippedSchema();
  const document = new Document(table);
  if (isMap(document.contents)) {
    for (const [index, { key }] of document.contents.items.entries()) {
      if (isScalar(key)) {
        key.commentBefore = comment(described[String(key.value)]?.description ?? "");
        key.spaceBefore = index > 0;
      }
    }
  }
  const unset = worthKnowing.filter((option) => table[option] === undefined);
  const schema = existsSync(join(home, schemaFile)) ? ` yaml-language-server: $schema=./${schemaFile}\n` : "";
  document.commentBefore = `${schema} combined-registry: options and environment override this file.`;
  document.comment = [" Not set:", ...unset.map((option) => unsetOption(option, described[option]))].join(
    "\n\n",
  );
  return document.toString({ lineWidth: 0 });
}

function unsetOption(
  option: string,
  { description = "", default: value, examples = [] }: JsonSchema = {},
): string {
  const shown = Array.isArray(value) ? examples[0] : value;
  return `${comment(description)}\n${option}: ${JSON.stringify(shown)}`;
}

/** Wraps a text into comment lines. yaml adds the "#", so each begins with a blank. */
function comment(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length === 0 || line.length > width) {
      lines.push(` ${word}`);
    } else {
      lines[lines.length - 1] = line;
    }
  }
  return lines.join("\n");
}
