import {
  type AuthorizeHook,
  assertConfig,
  type CombinedRegistryConfig,
  ConfigError,
  type ConfigProblem,
} from "@combined-registry/core";
import { type Failure, misuse } from "../failure.ts";
import type { BeforeRead } from "../lifecycle/watch.ts";
import type { Origins } from "./overrides.ts";
import { type CompleteOwnConfig, divide, parseOwn } from "./own-schema.ts";
import { inlineFiles } from "./referenced-files.ts";
import { sentence } from "./sentences.ts";
import { isTable, type Table } from "./table.ts";

export interface Checked {
  readonly own: CompleteOwnConfig;
  readonly router: CombinedRegistryConfig;
}

/**
 * Checks a merged configuration, and reads the secrets that are in files relative to `folder`.
 * @throws Failure with one sentence per problem
 */
export async function check(
  { table: written, origins }: { readonly table: Table; readonly origins: Origins },
  folder: string,
  beforeRead: BeforeRead,
): Promise<Checked> {
  const divided = divide(written);
  const { own, problems: ownProblems } = parseOwn(divided.own);
  const inlined = await inlineFiles(divided.router, { folder, beforeRead });
  const { router, problems: fileProblems } = inlined;
  // Some rules are valid only if there is an `authorize` hook.
  const { config, problems } = parseRouter(
    written.auth === undefined ? router : { ...router, authorize: placeholderAuthorize },
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

/** In place of the hook for the users of the htpasswd file, which is read later. */
const placeholderAuthorize: AuthorizeHook = () => "deny";

/** One sentence per problem. */
export function refusal(problems: readonly ConfigProblem[], origins: Origins): Failure {
  return misuse(...new Set(problems.map((problem) => sentence(problem, origins))));
}

interface ParsedRouter {
  readonly config: CombinedRegistryConfig | undefined;
  readonly problems: readonly ConfigProblem[];
}

function parseRouter(router: Table): ParsedRouter {
  // `conflicts` checks `protected`, since only this program knows whether there are users.
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

/** Cross-field checks between the options of the program and of the router. */
function conflicts(written: Table): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { metrics } = written;
  const itself = [
    ["logger", written.logger, "has a log of its own"],
    ["onDecision", written.onDecision, "logs each request itself"],
    ["peers", written.peers, "connects its workers itself"],
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
    const expected = "open or off while there is no authentication (set auth.htpasswdFile or authorize)";
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
