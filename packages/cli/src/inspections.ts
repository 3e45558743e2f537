import type { Command } from "commander";
import type { Overrides } from "./config/overrides.ts";

/** Where the configuration comes from that is looked at. */
export interface InspectionSources {
  readonly configFile: string | undefined;
  readonly flags: Overrides;
}

/** A look at the configuration that `serve` would go by. */
export interface Inspection extends InspectionSources {
  /** For programs, rather than for people. */
  readonly json: boolean;
}

/** What the command line asks to look at. */
export type InspectionCommand =
  | (Inspection & { readonly command: "explain"; readonly image: string })
  | (Inspection & { readonly command: "check" })
  | (InspectionSources & { readonly command: "health" });

interface Options {
  readonly json?: boolean;
}

/**
 * Adds the commands that look at what `serve` would do.
 * @param sources what the program's own options say, once they are read
 * @param choose told of the command that was given
 */
export function addInspections(
  program: Command,
  sources: () => InspectionSources,
  choose: (parsed: InspectionCommand) => void,
): void {
  const inspection = ({ json = false }: Options): Inspection => ({ ...sources(), json });
  program
    .command("explain")
    .description("say where an image comes from, where a push of it goes, and why")
    .allowExcessArguments(false)
    .argument("<image>", "as docker takes it: nginx, team/app:1.2, app@sha256:...")
    .option("--json", "print JSON")
    .addHelpText("after", explainExamples)
    .action((image: string, options: Options) =>
      choose({ command: "explain", image, ...inspection(options) }),
    );
  program
    .command("check")
    .description("look for what is wrong with the configuration and the registries")
    .allowExcessArguments(false)
    .option("--json", "print JSON")
    .addHelpText("after", checkExamples)
    .action((options: Options) => choose({ command: "check", ...inspection(options) }));
  program
    .command("health")
    .description("ask the router that runs here with this configuration whether it lives")
    .allowExcessArguments(false)
    .addHelpText("after", healthHelp)
    .action(() => choose({ command: "health", ...sources() }));
}

const explainExamples = `
Examples:
  combined-registry explain team/app:1.2
  combined-registry --config combined-registry.yaml explain docker.io/library/nginx
  combined-registry explain nginx --json

Each upstream that a pull may ask is asked now, with GET and HEAD. Exit code: 0 if somebody has the image, 1 if nobody has it,
2 if the name or the configuration is wrong.
`;

const checkExamples = `
Examples:
  combined-registry check
  combined-registry check --hosted http://registry:5000 --proxy http://docker-hub-cache:5000
  combined-registry check --config combined-registry.yaml --json

Nothing is written anywhere, no port is opened. Exit code: 0 if there is no error, 1 if there is one, 2 if the configuration
is wrong.
`;

const healthHelp = `
For health checks of containers, where there is no shell and no curl: asks /livez at the configured host and port. Exit code: 0 if
it is well, 1 if it is not, 2 if the configuration is wrong.
`;
