import { join } from "node:path";
import { parse } from "yaml";
import { checkout } from "./checkout.ts";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** What compose makes of a service. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
}

const example = join(checkout, "examples/docker-compose");

/**
 * What docker-compose understands of the example's files.
 * @param environment what the user has set, or written into .env
 */
export function composeServices(
  files: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, ComposeService>>> {
  return servicesOf(
    files.map((file) => join(example, file)),
    environment,
  );
}

/** What docker-compose understands of some files. @param environment what the user has set, or written into .env */
export async function servicesOf(
  files: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, ComposeService>>> {
  const args = files.flatMap((file) => ["--file", file]);
  const text = await run("docker-compose", [...args, "config"], { ...environment, PATH: searchPath });
  const { services }: { services: Record<string, ComposeService> } = parse(text);
  return services;
}
