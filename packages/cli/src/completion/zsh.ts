import type { CommandWords, OptionWords, ProgramWords, Value } from "./words.ts";

/** A script for zsh, to be sourced or put into a folder of fpath. */
export function zshScript({ name, options, commands }: ProgramWords): string {
  const described = commands.map((command) => `    ${quoted(`${command.name}:${command.description}`)}`);
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
  const argument = choices.length > 0 ? [quoted(`1: :(${choices.join(" ")})`)] : [];
  const own = [...options.map(specification), ...argument];
  return `${name}) _arguments "\${every[@]}" ${own.join(" ")} ;;`;
}

function specification({ names, description, value }: OptionWords): string {
  const text = `[${description.replace(/[[\]\\:]/g, "\\$&")}]${action(value)}`;
  const [only = ""] = names;
  return names.length === 1
    ? quoted(`${value === "none" ? "" : "*"}${only}${text}`)
    : `'(${names.join(" ")})'{${names.join(",")}}${quoted(text)}`;
}

function action(value: Value): string {
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

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
