/** A flag that a page names, and the command of the program to which it is given. */
export interface NamedFlag {
  readonly flag: string;
  /** Undefined where the flag stands by itself, so that it may be any command's; empty where no command is named. */
  readonly command: string | undefined;
}

const flags = /(?<![\w-])--[a-z][a-z-]*/g;

/**
 * The flags of the program in a piece of code or a line of a shell.
 * @param commands those that the program has
 */
export function flagsIn(code: string, commands: readonly string[]): NamedFlag[] {
  // A name in a path or an image is no call, nor is the folder or unit of another program's.
  const call = /(?:^|[ (=])combined-registry(?:\.js)?(?= |$)(.*)/.exec(code);
  if (call === null) {
    return code.startsWith("--") ? named(code, undefined) : [];
  }
  const [words = ""] = (call[1] ?? "").split(/ #|[<>|)]/);
  return named(words, words.split(" ").find((word) => commands.includes(word)) ?? "");
}

function named(text: string, command: string | undefined): NamedFlag[] {
  return [...text.matchAll(flags)].map(([flag]) => ({ flag, command }));
}

/** The flags, or the commands, that a help text lists. */
export function listedIn(help: string, what: "flags" | "commands"): string[] {
  const row = what === "flags" ? /^ {2}(?:-\w, )?(--[a-z-]+)/gm : /^ {2}([a-z]+)(?: .*)? {2}/gm;
  const section = what === "flags" ? help : (/\nCommands:\n(?: .*\n)*/.exec(help)?.[0] ?? "");
  return [...section.matchAll(row)].map(([, name = ""]) => name);
}
