/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** Where, as one would write it: `proxy[1].timeouts.connect`. Empty for the whole. */
  readonly option: string;
  /** What was expected there, as the end of a sentence. */
  readonly expected: string;
  /** What was given, as JSON, cut short; undefined when nothing was. Never a secret. */
  readonly given: string | undefined;
}

/** A configuration that cannot be used. `message` has one line per problem. */
export class ConfigError extends Error {
  /** Tells it from other errors where `instanceof` cannot, in another copy of the package. */
  override readonly name = "ConfigError";
  /** All that is wrong, not only the first. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(sentence).join("\n"));
    this.problems = problems;
  }
}

function sentence({ option, expected, given }: ConfigProblem): string {
  const subject = option === "" ? "configuration" : option;
  return `${subject}: expected ${expected}, ${given === undefined ? "nothing was given" : `given ${given}`}`;
}
