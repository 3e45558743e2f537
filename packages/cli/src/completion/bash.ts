import type { OptionWords, ProgramWords, Value } from "./words.ts";

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
      `    ${command.name}) words=${lines([...command.choices, ...namesOf([...options, ...command.options])])} ;;`,
  );
  const first = lines([...commands.map((command) => command.name), ...namesOf(options)]);
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
  return `COMPREPLY=($(compgen -W ${lines(words)} -- "$current"))`;
}

/** Of names with one meaning, the long one says more. */
function namesOf(options: readonly OptionWords[]): string[] {
  return options.flatMap(({ names }) => names.slice(-1));
}

function lines(words: readonly string[]): string {
  return `$'${words.join("\\n")}'`;
}
