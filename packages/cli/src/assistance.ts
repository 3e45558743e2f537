import { Argument, type Command } from "commander";
import type { InspectionSources } from "./inspections.ts";

/** The shells that there is completion for. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A configuration file to write. */
export interface InitCommand extends InspectionSources {
  readonly command: "init";
  /** Nothing is asked. */
  readonly yes: boolean;
  /** A file that is there already is written over. */
  readonly force: boolean;
  /** The first user of a new htpasswd file. */
  readonly user: string | undefined;
  readonly passwordFromInput: boolean;
}

/** A completion script to print. */
export interface CompletionCommand {
  readonly command: "completion";
  readonly shell: Shell;
  /** What there is to complete. */
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
 * Adds the commands that help with setting the program up.
 * @param sources what the program's own options say, once they are read
 * @param choose told of the command that was given
 */
export function addAssistance(
  program: Command,
  sources: () => InspectionSources,
  choose: (parsed: AssistanceCommand) => void,
): void {
  program
    .command("init")
    .description("write a configuration file, by asking on a terminal, else from options and environment")
    .allowExcessArguments(false)
    .option("-y, --yes", "ask nothing")
    .option("--force", "write over a configuration file that is there already")
    .option(
      "--user <name>",
      "make the htpasswd file, with this user; one that is there already is left alone",
    )
    .option("--password-stdin", "read the user's password from standard input")
    .addHelpText("after", initExamples)
    .action(({ yes = false, force = false, user, passwordStdin = false }: InitOptions) =>
      choose({ command: "init", ...sources(), yes, force, user, passwordFromInput: passwordStdin }),
    );
  program
    .command("completion")
    .description("print a script with which a shell completes commands and options")
    .allowExcessArguments(false)
    .addArgument(new Argument("<shell>", "for which").choices(shells))
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

What is written is combined-registry.yaml here, or the file that --config names. It is checked first. Exit code: 0 if it is
written, 1 if it cannot be, 2 if it is there already or would be refused.
`;

const completionExamples = `
Examples:
  source <(combined-registry completion bash)
  combined-registry completion bash > ~/.local/share/bash-completion/completions/combined-registry
  combined-registry completion zsh > ~/.zfunc/_combined-registry
  combined-registry completion fish > ~/.config/fish/completions/combined-registry.fish

For zsh the folder has to be in fpath before compinit is called. Exit code: 0.
`;
