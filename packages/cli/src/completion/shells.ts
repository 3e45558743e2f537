import type { Command } from "commander";
import type { Shell } from "../assistance.ts";
import { type CommandWords, type OptionWords, type ProgramWords, type Value, wordsOf } from "./words.ts";

const scripts: Readonly<Record<Shell, (words: ProgramWords) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The script that a shell sources to complete commands and options. */
export function completionScript(program: Command, shell: Shell): string {
  return scripts[shell](wordsOf(program));
}

/** A script for bash 3.2 and newer, with or without the package bash-completion. */
export function bashScript({ name, options, commands }: ProgramWords): string {
  const all = [...options, ...commands.flatMap((command) => command.options)];
  const taking = (isMeant: (value: Value) => boolean) =>
    all.flatMap(({ names, value }) => (isMeant(value) ? names : [])).join("|");
  const listed = all.flatMap(({ names, value }) =>
    typeof value === "string" ? [] : [`    ${names.join("|")}) ${candidates(value)}; return ;;`],
  );
  const following = commands.map(
    (command) =>
      `    ${command.name}) words=${bashWords([...command.choices, ...namesOf([...options, ...command.options])])} ;;`,
  );
  const first = bashWords([...commands.map((command) => command.name), ...namesOf(options)]);
  return `# bash completion of ${name}
_combined_registry() {
  local IFS=$'\\n' current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" index=1 words
  # bash takes --option=value for three words.
  if [ "$current" = "=" ]; then current=""; elif [ "$previous" = "=" ]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  COMPREPLY=()
  case "$previous" in
    ${taking((value) => value === "file")})
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return ;;
${listed.join("\n")}
    ${taking((value) => value === "text")}) return ;;
  esac
  while [ "$index" -lt "$COMP_CWORD" ]; do
    case "\${COMP_WORDS[index]}" in
      ${taking((value) => value !== "none")}) index=$((index + 1)) ;;
      ${commands.map((command) => command.name).join("|")}) command="\${COMP_WORDS[index]}"; break ;;
    esac
    index=$((index + 1))
  done
  case "$command" in
${following.join("\n")}
    *) words=${first} ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _combined_registry ${name}
`;
}

function candidates(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W ${bashWords(words)} -- "$current"))`;
}

/** The long name of each option. */
function namesOf(options: readonly OptionWords[]): string[] {
  return options.flatMap(({ names }) => names.slice(-1));
}

function bashWords(words: readonly string[]): string {
  return `$'${words.join("\\n")}'`;
}

/** A script for fish. */
export function fishScript({ name, options, commands }: ProgramWords): string {
  const complete = (...parts: readonly string[]) => ["complete", "-c", name, ...parts].join(" ");
  const after = (command: string) => `-n ${fishQuoted(`__fish_seen_subcommand_from ${command}`)}`;
  return [
    `# fish completion of ${name}`,
    complete("-f"),
    ...commands.map((command) =>
      complete("-n", "__fish_use_subcommand", "-a", command.name, "-d", fishQuoted(command.description)),
    ),
    ...options.map((option) => complete(...option.names.map(flag), describe(option))),
    ...commands.flatMap((command) => [
      ...command.options.map((option) =>
        complete(after(command.name), ...option.names.map(flag), describe(option)),
      ),
      ...(command.choices.length > 0
        ? [complete(after(command.name), "-a", fishQuoted(command.choices.join(" ")))]
        : []),
    ]),
    "",
  ].join("\n");
}

function flag(name: string): string {
  return name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
}

function describe({ description, value }: OptionWords): string {
  return `${fishValue(value)}-d ${fishQuoted(description)}`;
}

function fishValue(value: Value): string {
  switch (value) {
    case "none":
      return "";
    case "file":
      return "-r -F ";
    case "text":
      return "-x ";
    default:
      return `-x -a ${fishQuoted(value.join(" "))} `;
  }
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** A script for zsh, to be sourced or put into a folder of fpath. */
export function zshScript({ name, options, commands }: ProgramWords): string {
  const described = commands.map((command) => `    ${zshQuoted(`${command.name}:${command.description}`)}`);
  return `#compdef ${name}
_combined_registry() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
${described.join("\n")}
  )
  local -a every=(
${options.map((option) => `    ${specification(option)}`).join("\n")}
  )
  _arguments -C "\${every[@]}" '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${commands.map((command) => `        ${ofCommand(command)}`).join("\n")}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _combined_registry ] || [ "$funcstack[1]" = _${name} ]; then
  _combined_registry "$@"
else
  compdef _combined_registry ${name}
fi
`;
}

function ofCommand({ name, options, choices }: CommandWords): string {
  const argument = choices.length > 0 ? [zshQuoted(`1: :(${choices.join(" ")})`)] : [];
  const own = [...options.map(specification), ...argument];
  return `${name}) _arguments "\${every[@]}" ${own.join(" ")} ;;`;
}

function specification({ names, description, value }: OptionWords): string {
  const text = `[${description.replace(/[[\]\\:]/g, "\\$&")}]${zshValue(value)}`;
  const [only = ""] = names;
  return names.length === 1
    ? zshQuoted(`${value === "none" ? "" : "*"}${only}${text}`)
    : `'(${names.join(" ")})'{${names.join(",")}}${zshQuoted(text)}`;
}

function zshValue(value: Value): string {
  switch (value) {
    case "none":
      return "";
    case "file":
      return ":file:_files";
    case "text":
      return ":value: ";
    default:
      return `:value:(${value.join(" ")})`;
  }
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
