import type { Command, Option } from "commander";
import { logLevels } from "../defaults.ts";

/** What a word after an option is. */
export type Value = "none" | "file" | "text" | readonly string[];

/** An option, with what it takes. */
export interface OptionWords {
  /** `-y` and `--yes`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: Value;
}

/** A command, and what may follow it. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** What its argument can be. */
  readonly choices: readonly string[];
}

/** All that can be completed. */
export interface ProgramWords {
  readonly name: string;
  /** Those that go with every command. */
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

/** The words of a program, as its help has them. */
export function wordsOf(program: Command): ProgramWords {
  const help = program.createHelp();
  return {
    name: program.name(),
    options: help.visibleOptions(program).map(optionWords),
    commands: help.visibleCommands(program).map((command) => ({
      name: command.name(),
      description: command.description(),
      options: command.options.map(optionWords),
      choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    })),
  };
}

const valuesOf: Readonly<Record<string, readonly string[]>> = {
  "log-level": logLevels,
  workers: ["auto"],
};

function optionWords(option: Option): OptionWords {
  const { short, long, flags, description } = option;
  const text = flags.includes("<file>") ? "file" : "text";
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    value: option.isBoolean() || !option.required ? "none" : (valuesOf[option.name()] ?? text),
  };
}
