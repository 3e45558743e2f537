import type { z } from "zod";

export function problemsOf(issue: z.core.$ZodIssue, written: unknown): ConfigProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => problemAt([...issue.path, key], "no such option", written));
  }
  return [problemAt(issue.path, issue.message, written)];
}

/** The option in the written configuration for a path in the parsed one. */
export function optionAt(path: readonly PropertyKey[], written: unknown): string {
  return optionName(asWritten(path, written).steps);
}

function problemAt(path: readonly PropertyKey[], expected: string, written: unknown): ConfigProblem {
  const { steps, value } = asWritten(path, written);
  return { option: optionName(steps), expected, given: describeValue(value, steps.at(-1)) };
}

/** The schema turns a single proxy into a list, and a URL into a table. The steps that this adds are left out. */
function asWritten(path: readonly PropertyKey[], written: unknown): { steps: PropertyKey[]; value: unknown } {
  const steps: PropertyKey[] = [];
  let value = written;
  for (const step of path) {
    const isAdded =
      (typeof step === "number" && !Array.isArray(value)) || (step === "url" && typeof value === "string");
    if (!isAdded) {
      steps.push(step);
      value = typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined;
    }
  }
  return { steps, value };
}

function optionName(steps: readonly PropertyKey[]): string {
  return steps.reduce<string>((option, step) => {
    if (typeof step === "number") {
      return `${option}[${step}]`;
    }
    return option === "" ? String(step) : `${option}.${String(step)}`;
  }, "");
}

// `username` too: people append the password to it.
const secretKeys = /username|password|secret|token|key|auth|cert|^ca$/i;
const longestEcho = 80;

function describeValue(value: unknown, key: PropertyKey | undefined): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (typeof key === "string" && secretKeys.test(key)) {
    return `${typeof value === "object" ? "a table" : `a ${typeof value}`} (not shown)`;
  }
  if (typeof value === "function") {
    return "a function";
  }
  // The options of a table may be secrets.
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? `a list of ${value.length}` : "a table";
  }
  // A URL may have a password in it.
  const shown = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/@\s]*@/g, "//***@");
  return shown.length <= longestEcho ? shown : `${shown.slice(0, longestEcho)}...`;
}

/** A problem of a configuration. */
export interface ConfigProblem {
  /** The option, as in `proxy[1].timeouts.connect`. Empty if the problem is about the whole configuration. */
  readonly option: string;
  /** The expected value, as the end of a sentence. */
  readonly expected: string;
  /** The given value as JSON, shortened; undefined if none was given. It never contains a secret. */
  readonly given: string | undefined;
}

/** The configuration cannot be used. `message` has one line for each problem. */
export class ConfigError extends Error {
  /** Identifies the error where `instanceof` cannot, such as between two copies of the package. */
  override readonly name = "ConfigError";
  /** All problems, not only the first. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join("\n"));
    this.problems = problems;
  }
}

function describeProblem({ option, expected, given }: ConfigProblem): string {
  const subject = option === "" ? "configuration" : option;
  return `${subject}: expected ${expected}, ${given === undefined ? "nothing was given" : `given ${given}`}`;
}
