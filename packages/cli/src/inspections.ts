import type { Command } from "commander";
import type { Overrides } from "./config/overrides.ts";

export interface InspectionSources {
  readonly configFile: string | undefined;
  readonly flags: Overrides;
}

export interface Inspection extends InspectionSources {
  /** Print JSON instead of text. */
  readonly json: boolean;
}

export type InspectionCommand =
  | (Inspection & { readonly command: "explain"; readonly image: string })
  | (Inspection & { readonly command: "check" })
  | (InspectionSources & { readonly command: "health" });

interface Options {
  readonly json?: boolean;
}

/**
 * Adds the commands that inspect the configuration and the registries.
 * @param sources the options of the program, after parsing
 * @param choose called with the command that was given
 */
export function addInspections(
  program: Command,
  sources: () => InspectionSources,
  choose: (parsed: InspectionCommand) => void,
): void {
  const inspection = ({ json = false }: Options): Inspection => ({ ...sources(), json });
  program
    .command("explain")
    .description("explain where an image is pulled from, where it is pushed to, and why")
    .allowExcessArguments(false)
    .argument("<image>", "an image name as for docker: nginx, team/app:1.2, app@sha256:...")
    .option("--json", "print JSON")
    .addHelpText("after", explainExamples)
    .action((image: string, options: Options) =>
      choose({ command: "explain", image, ...inspection(options) }),
    );
  program
    .command("check")
    .description("check the configuration and the registries for problems")
    .allowExcessArguments(false)
    .option("--json", "print JSON")
    .addHelpText("after", checkExamples)
    .action((options: Options) => choose({ command: "check", ...inspection(options) }));
  program
    .command("health")
    .description("check that the router with this configuration is running on this machine")
    .allowExcessArguments(false)
    .addHelpText("after", healthHelp)
    .action(() => choose({ command: "health", ...sources() }));
}

const explainExamples = `
Examples:
  combined-registry explain team/app:1.2
  combined-registry --config combined-registry.yaml explain docker.io/library/nginx
  combined-registry explain nginx --json

Sends GET and HEAD requests to each upstream that a pull may ask. Exit code: 0 if an upstream has the image, 1 if none has it, 2 if
the name or the configuration is wrong.
`;

const checkExamples = `
Examples:
  combined-registry check
  combined-registry check --hosted http://registry:5000 --proxy http://docker-hub-cache:5000
  combined-registry check --config combined-registry.yaml --json

Writes nothing and opens no port. Exit code: 0 if there are no errors, 1 if there are errors, 2 if the configuration is wrong.
`;

const healthHelp = `
For health checks of containers without a shell and curl. Requests /livez at the configured host and port. Exit code: 0 if the
router answers, 1 if it does not, 2 if the configuration is wrong.
`;
