import type { Command } from "commander";
import type { Shell } from "../assistance.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { type ProgramWords, wordsOf } from "./words.ts";
import { zshScript } from "./zsh.ts";

const scripts: Readonly<Record<Shell, (words: ProgramWords) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** What a shell is to source so that it completes the program's commands and options. */
export function completionScript(program: Command, shell: Shell): string {
  return scripts[shell](wordsOf(program));
}
