import { Agent } from "node:http";
import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { fetchRaw, type Received } from "./client.ts";

/** All pages of a list. */
export interface ListedPages {
  readonly names: string[];
  readonly pages: number;
  /** Of every page, in order. */
  readonly answers: readonly Received[];
}

/**
 * Reads all pages of a list as clients do, by `Link` alone.
 * @throws Error unless every page is 200, and if there are more pages than `mostPages`
 */
export async function listAllPages(origin: string, target: string, mostPages: number): Promise<ListedPages> {
  const names: string[] = [];
  const answers: Received[] = [];
  let next: string | undefined = target;
  // Thousands of pages: with a connection each, the system would run short of ports.
  const agent = new Agent({ keepAlive: true });
  try {
    while (next !== undefined) {
      if (answers.length === mostPages) {
        throw new Error(`${target}: more than ${mostPages} pages`);
      }
      const answer = await fetchRaw(origin, next, { agent });
      answers.push(answer);
      if (answer.status !== 200) {
        throw new Error(`${next}: answered ${answer.status}: ${answer.body}`);
      }
      names.push(...namesOf(answer));
      next = linkOf(answer);
    }
  } finally {
    agent.destroy();
  }
  return { names, pages: answers.length, answers };
}

/** The tags, or the repositories, of an answer. */
export function namesOf({ body }: Received): string[] {
  const { tags, repositories } = JSON.parse(body.toString());
  return tags ?? repositories;
}

/** The target of `rel="next"`: a path of this very server. */
export function linkOf({ headers }: Received): string | undefined {
  return /^<(\/[^/>][^>]*)>; rel="next"$/.exec(String(headers.link))?.[1];
}

/** `t00000`, `t00001` and so on. */
export function numbered(count: number, start = 0): string[] {
  return Array.from({ length: count }, (_, index) => `t${String(start + index).padStart(5, "0")}`);
}

/** A registry with one repository. */
export async function registryWith(
  tags: readonly string[],
  options: RegistryOptions = {},
  repository = "r",
): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  registry.addManifest(repository, { schemaVersion: 2 }, { tags });
  return registry;
}

/** Each name once, in the order of tags. */
export function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}

/** In another order than that of the alphabet, the same each time. */
export function shuffled(names: readonly string[]): string[] {
  const spread = (index: number) => (index * 7919) % names.length;
  return names.map((_, index) => names[spread(index)] ?? "");
}
