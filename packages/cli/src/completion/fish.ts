import type { OptionWords, ProgramWords, Value } from "./words.ts";

/** A script for fish. */
export function fishScript({ name, options, commands }: ProgramWords): string {
  const complete = (...parts: readonly string[]) => ["complete", "-c", name, ...parts].join(" ");
  const after = (command: string) => `-n ${quoted(`__fish_seen_subcommand_from ${command}`)}`;
  return [
    `# fish completion of ${name}`,
    complete("-f"),
    ...commands.map((command) =>
      complete("-n", "__fish_use_subcommand", "-a", command.name, "-d", quoted(command.description)),
    ),
    ...options.map((option) => complete(...option.names.map(flag), describe(option))),
    ...commands.flatMap((command) => [
      ...command.options.map((option) =>
        complete(after(command.name), ...option.names.map(flag), describe(option)),
      ),
      ...(command.choices.length > 0
        ? [complete(after(command.name), "-a", quoted(command.choices.join(" ")))]
        : []),
    ]),
    "",
  ].join("\n");
}

function flag(name: string): string {
  return name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
}

function describe({ description, value }: OptionWords): string {
  return `${action(value)}-d ${quoted(description)}`;
}

function action(value: Value): string {
  switch (value) {
    case "none":
      return "";
    case "file":
      return "-r -F ";
    case "text":
      return "-x ";
    default:
      return `-x -a ${quoted(value.join(" "))} `;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
