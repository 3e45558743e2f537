import { Command, InvalidArgumentError } from "commander";
import { type AssistanceCommand, addAssistance } from "./assistance.ts";
import { nearest } from "./config/nearest.ts";
import {
  type Given,
  type OverridableOption,
  type Overrides,
  overridable,
  overridableOptions,
  type ProxyWord,
  parseProxy,
} from "./config/overrides.ts";
import { defaults } from "./defaults.ts";
import { environmentTable } from "./environment.ts";
import { addInspections, type InspectionCommand, type InspectionSources } from "./inspections.ts";

export type ParsedCommand =
  | { readonly command: "serve"; readonly configFile: string | undefined; readonly flags: Overrides }
  | { readonly command: "demo"; readonly flags: Overrides; readonly once: boolean }
  | InspectionCommand
  | AssistanceCommand;

export interface Output {
  out(text: string): void;
  err(text: string): void;
}

interface Flags {
  readonly config?: string;
  readonly hosted?: string;
  readonly proxy?: readonly ProxyWord[];
  readonly host?: string;
  readonly port?: string;
  readonly workers?: string;
  readonly base?: string;
  readonly htpasswd?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly drainTimeout?: string;
  /** Undefined if neither flag is given. commander sets no default, because both flags are declared; it would override the environment and the file. */
  readonly statusPage?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly demo?: true;
  readonly once?: true;
}

/**
 * Reads the command line.
 * @throws CommanderError after help or version, and for wrong usage
 */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
  output: Output,
): Promise<ParsedCommand> {
  let parsed: ParsedCommand | undefined;
  const program = describeProgram(version, output);
  const serve = (_: unknown, { args }: Command) => {
    refuseArguments(program, args);
    parsed = decide(program, program.opts<Flags>());
  };
  program.allowExcessArguments().action(serve);
  program
    .command("serve")
    .description("route requests (the default)")
    .allowExcessArguments()
    .addHelpText("after", serveExamples)
    .action(serve);
  const sources = () => sourcesOf(program);
  const choose = (other: ParsedCommand) => {
    parsed = other;
  };
  addInspections(program, sources, choose);
  addAssistance(program, sources, choose);
  await program.parseAsync(argv, { from: "user" });
  return parsed ?? program.error("error: no command");
}

function describeProgram(version: string, { out, err }: Output): Command {
  return new Command("combined-registry")
    .description("One address for a pull-through cache and a private container registry.")
    .usage("[command] [options]")
    .option(
      "--config <file>",
      "configuration file (default: combined-registry.yaml or a similar name in this folder)",
    )
    .option("--hosted <url>", "the private registry that people push to")
    .option(
      "--proxy <url>",
      "a pull-through cache, as URL or name=URL; repeat it for several, in order of precedence",
      collect,
    )
    .option("--host <address>", `address to listen on (default: ${defaults.host})`)
    .option("--port <number>", `port to listen on, 0 for any (default: ${defaults.port})`)
    .option(
      "--workers <number>",
      `processes that share the port, or auto for one per processor (default: ${defaults.workers})`,
    )
    .option(
      "--base <upstreams>",
      `all, hosted or any: which upstreams /v2/ needs to answer 200 (default: ${defaults.base})`,
    )
    .option("--htpasswd <file>", "ask clients for user and password, and check these against this file")
    .option("--tls-cert <file>", "serve HTTPS with this certificate (PEM)")
    .option("--tls-key <file>", "and this private key (PEM)")
    .option(
      "--drain-timeout <seconds>",
      `time for requests under way after a signal to stop (default: ${defaults.drainTimeout / 1000})`,
    )
    .option("--status-page", "serve a status page at / (the default)")
    .option("--no-status-page", "serve no status page")
    .option(
      "--log-level <level>",
      `trace, debug, info, warn, error, fatal or silent (default: ${defaults.logLevel})`,
    )
    .option(
      "--log-format <format>",
      `json, text, or auto: text on a terminal, JSON everywhere else (default: ${defaults.logFormat})`,
    )
    .option("--demo", "try it: starts registries and a router in this process")
    .option("--once", "with --demo: exit when everything has been shown")
    .version(version)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: out,
      writeErr: err,
      outputError: (text, write) => write(text.replace(/^error: /, "combined-registry: ")),
    })
    .addHelpText("after", examples + environmentHelp() + exitCodes)
    .exitOverride();
}

const examples = `
Examples:
  combined-registry --demo
  combined-registry --hosted http://registry:5000 --proxy http://docker-hub-cache:5000
  combined-registry --config combined-registry.yaml --port 443 --tls-cert cert.pem --tls-key key.pem
  combined-registry --hosted http://registry:5000 --proxy hub=http://cache:5000 --proxy ghcr=http://cache:5001
  combined-registry check --config combined-registry.yaml
  combined-registry explain team/app:1.2
  combined-registry init
`;

const serveExamples = `
Examples:
  combined-registry serve --hosted http://registry:5000 --proxy http://docker-hub-cache:5000
  combined-registry serve --config /etc/combined-registry.yaml --workers auto
  combined-registry serve --htpasswd htpasswd --tls-cert cert.pem --tls-key key.pem --port 443

Exit code: 0 after a signal to stop, if all requests were finished; 1 if the program could not serve or had to cut off requests;
2 if the command line or the configuration is wrong.
`;

const exitCodes = `
Exit code: 0 on success, 1 on failure, 2 if the command line or the configuration is wrong. The --help of a command has its exit
codes.
`;

function environmentHelp(): string {
  const rows = environmentTable.map(([variables, meaning]) => `  ${variables.padEnd(23)}${meaning}`);
  return `\nEnvironment (overrides the file; options override the environment):\n${rows.join("\n")}\n`;
}

function collect(value: string, collected: readonly ProxyWord[] = []): ProxyWord[] {
  const proxy = parseProxy(value);
  if (proxy === undefined) {
    throw new InvalidArgumentError("Expected a URL or name=URL.");
  }
  return [...collected, proxy];
}

/** `serve` takes no arguments, so an argument is a command that does not exist. */
function refuseArguments(program: Command, [stray]: readonly string[]): void {
  if (stray !== undefined) {
    const meant = nearest(
      stray,
      program.commands.map((command) => command.name()),
    );
    program.error(
      `error: unknown command '${stray}'${meant === undefined ? "" : `\n(Did you mean ${meant}?)`}`,
    );
  }
}

function decide(program: Command, flags: Flags): ParsedCommand {
  if (flags.demo !== true) {
    if (flags.once === true) {
      program.error("error: option '--once' is only for --demo");
    }
    return { command: "serve", configFile: flags.config, flags: overridesOf(flags) };
  }
  const { demo: _demo, once = false, port: _port, ...rest } = flags;
  if (Object.keys(rest).length > 0) {
    program.error(
      "error: option '--demo' starts its own registries and takes only the options --port and --once",
    );
  }
  return { command: "demo", flags: overridesOf(flags), once };
}

function sourcesOf(program: Command): InspectionSources {
  const flags = program.opts<Flags>();
  if (flags.demo === true || flags.once === true) {
    program.error("error: options '--demo' and '--once' cannot be used with a command");
  }
  return { configFile: flags.config, flags: overridesOf(flags) };
}

function overridesOf(flags: Flags): Overrides {
  const values: Record<OverridableOption, unknown> = {
    hosted: flags.hosted,
    proxy: flags.proxy,
    host: flags.host,
    port: flags.port,
    workers: flags.workers,
    base: flags.base,
    logLevel: flags.logLevel,
    logFormat: flags.logFormat,
    "tls.certFile": flags.tlsCert,
    "tls.keyFile": flags.tlsKey,
    "auth.htpasswdFile": flags.htpasswd,
    statusPage: flags.statusPage,
    "drain.timeout": flags.drainTimeout,
  };
  return new Map(
    overridableOptions.flatMap((option): [OverridableOption, Given][] => {
      const value = values[option];
      return value === undefined ? [] : [[option, { value, from: `option ${overridable[option].flag}` }]];
    }),
  );
}
