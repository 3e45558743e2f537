import type { Command, Option } from "commander";
import { bases, logFormats, logLevels } from "../defaults.ts";

/** The kind of value that an option takes, or its possible values. */
export type Value = "none" | "file" | "text" | readonly string[];

export interface OptionWords {
  /** `-y` and `--yes`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: Value;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Values of its argument. */
  readonly choices: readonly string[];
}

export interface ProgramWords {
  readonly name: string;
  /** Options of every command. */
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

/** The commands and options that the help lists. */
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
  "log-format": logFormats,
  workers: ["auto"],
  base: bases,
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
