import { Argument, type Command } from "commander";
import type { InspectionSources } from "./inspections.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export interface InitCommand extends InspectionSources {
  readonly command: "init";
  /** Ask no questions. */
  readonly yes: boolean;
  /** Overwrite an existing file. */
  readonly force: boolean;
  /** The first user of a new htpasswd file. */
  readonly user: string | undefined;
  readonly passwordFromInput: boolean;
}

export interface CompletionCommand {
  readonly command: "completion";
  readonly shell: Shell;
  /** Its commands and options are completed. */
  readonly program: Command;
}

export type AssistanceCommand = InitCommand | CompletionCommand;

interface InitOptions {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly user?: string;
  readonly passwordStdin?: boolean;
}

/**
 * Adds the commands that help to set up the program.
 * @param sources the options of the program, after parsing
 * @param choose called with the command that was given
 */
export function addAssistance(
  program: Command,
  sources: () => InspectionSources,
  choose: (parsed: AssistanceCommand) => void,
): void {
  program
    .command("init")
    .description("write a configuration file from options, environment and, on a terminal, questions")
    .allowExcessArguments(false)
    .option("-y, --yes", "ask no questions")
    .option("--force", "overwrite an existing configuration file")
    .option("--user <name>", "create the htpasswd file with this user; an existing file is not changed")
    .option("--password-stdin", "read the user's password from standard input")
    .addHelpText("after", initExamples)
    .action(({ yes = false, force = false, user, passwordStdin = false }: InitOptions) =>
      choose({ command: "init", ...sources(), yes, force, user, passwordFromInput: passwordStdin }),
    );
  program
    .command("completion")
    .description("print a completion script for a shell")
    .allowExcessArguments(false)
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText("after", completionExamples)
    .action((shell: Shell) => choose({ command: "completion", shell, program }));
}

const initExamples = `
Examples:
  combined-registry init
  combined-registry init --hosted http://registry:5000 --proxy http://docker-hub-cache:5000 --yes
  combined-registry init --config /etc/combined-registry.yaml --tls-cert cert.pem --tls-key key.pem
  combined-registry init --htpasswd ./htpasswd --user alice --password-stdin < password
  HOSTED_HOSTNAME=registry:5000 PROXY_HOSTNAME=cache:5000 ENABLE_AUTH=true combined-registry init --yes

Writes combined-registry.yaml in this folder, or the file that --config names, after checking the configuration. Exit code: 0 if the
file is written, 1 if it cannot be written, 2 if it exists or the configuration is wrong.
`;

const completionExamples = `
Examples:
  source <(combined-registry completion bash)
  combined-registry completion bash > ~/.local/share/bash-completion/completions/combined-registry
  combined-registry completion zsh > ~/.zfunc/_combined-registry
  combined-registry completion fish > ~/.config/fish/completions/combined-registry.fish

For zsh, the folder must be in fpath before compinit is called. Exit code: 0.
`;
