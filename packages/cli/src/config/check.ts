import {
  type AuthorizeHook,
  assertConfig,
  type CombinedRegistryConfig,
  ConfigError,
  type ConfigProblem,
} from "@combined-registry/core";
import { type Failure, misuse } from "../failure.ts";
import type { Reading } from "../lifecycle/load-watched.ts";
import { type Origins, sentence } from "./origin.ts";
import { type CompleteOwnConfig, divide, parseOwn } from "./own-schema.ts";
import { inlineFiles } from "./referenced-files.ts";
import { isTable, type Table } from "./table.ts";

/** A configuration that holds. */
export interface Checked {
  readonly own: CompleteOwnConfig;
  readonly router: CombinedRegistryConfig;
}

/**
 * Checks a merged configuration, reading the secrets that it keeps in files relative to `folder`.
 * @throws Failure with one sentence per problem
 */
export async function check(
  { table: written, origins }: { readonly table: Table; readonly origins: Origins },
  folder: string,
  reading: Reading,
): Promise<Checked> {
  const divided = divide(written);
  const { own, problems: ownProblems } = parseOwn(divided.own);
  const inlined = await inlineFiles(divided.router, { folder, reading });
  const { router, problems: fileProblems } = inlined;
  // Rules go with it that may not stand without.
  const { config, problems } = parseRouter(
    written.auth === undefined ? router : { ...router, authorize: nobodyYet },
  );
  const routerProblems = inlined.rephrase(problems);

  const absent = ["hosted", "proxy"].filter((option) => router[option] === undefined);
  const all = [...ownProblems, ...fileProblems, ...routerProblems, ...conflicts(written)].filter(
    ({ option }) => !absent.includes(option),
  );
  if (all.length > 0) {
    throw refusal(all, origins);
  }
  if (own === undefined || config === undefined) {
    throw misuse(missingUpstream(absent));
  }
  return { own, router: config };
}

/** Stands for the users of a file that is read later. */
const nobodyYet: AuthorizeHook = () => "deny";

/** One sentence per problem. */
export function refusal(problems: readonly ConfigProblem[], origins: Origins): Failure {
  return misuse(...new Set(problems.map((problem) => sentence(problem, origins))));
}

interface ParsedRouter {
  readonly config: CombinedRegistryConfig | undefined;
  readonly problems: readonly ConfigProblem[];
}

function parseRouter(router: Table): ParsedRouter {
  // Whether there are users to protect its pages with, only `conflicts` can tell.
  const isProtected = router.operations === "protected";
  const parsed: unknown = isProtected ? { ...router, operations: "open" } : router;
  try {
    assertConfig(parsed);
    return { config: isProtected ? { ...parsed, operations: "protected" } : parsed, problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) {
      return { config: undefined, problems: error.problems };
    }
    throw error;
  }
}

/** What only this program knows to be wrong together. */
function conflicts(written: Table): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { metrics } = written;
  const itself = [
    ["logger", written.logger, "logs itself"],
    ["onDecision", written.onDecision, "logs each request itself"],
    ["peers", written.peers, "sees to its workers itself"],
    ["metrics.page", isTable(metrics) ? metrics.page : undefined, "adds up its workers' metrics itself"],
  ] as const;
  for (const [option, value, does] of itself) {
    if (value !== undefined) {
      problems.push({ option, expected: `nothing, since this program ${does}`, given: "something" });
    }
  }
  if (written.auth !== undefined && written.authorize !== undefined) {
    problems.push({ option: "authorize", expected: "nothing beside auth", given: "something" });
  }
  if (written.auth === undefined && written.authorize === undefined && written.operations === "protected") {
    const expected = "open or off while nobody is asked for passwords (give auth.htpasswdFile or authorize)";
    problems.push({ option: "operations", expected, given: '"protected"' });
  }
  return problems;
}

function missingUpstream(absent: readonly string[]): string {
  if (absent.length === 2) {
    return (
      "no upstream registries: give their URLs with --hosted and --proxy, in the environment variables " +
      "HOSTED_HOSTNAME and PROXY_HOSTNAME, or as hosted and proxy in a configuration file"
    );
  }
  const [side = ""] = absent;
  return (
    `no ${side} registry: give its URL with --${side}, in the environment variable ${side.toUpperCase()}_HOSTNAME, ` +
    `or as ${side} in a configuration file`
  );
}
