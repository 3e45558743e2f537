import { resolve } from "node:path";
import { CANCEL_SYMBOL, confirm, intro, log, password, text } from "@clack/prompts";
import { assertConfig, ConfigError } from "@combined-registry/core";
import { type Overrides, parseProxy } from "../config/overrides.ts";
import type { Table } from "../config/table.ts";
import { defaults } from "../defaults.ts";
import { breakdown } from "../failure.ts";
import type { Draft } from "./draft.ts";
import { type FirstUser, nameProblem, passwordProblem } from "./first-user.ts";
import { exists } from "./write-new.ts";

export interface InitAnswers {
  readonly table: Table;
  readonly user: FirstUser | undefined;
}

/**
 * Asks for the settings that flags and environment do not have.
 * @param home the folder of relative file names in the answers
 * @throws Failure if a question is cancelled
 */
export async function ask({ table, origins, authIsDecided }: Draft, home: string): Promise<InitAnswers> {
  intro("A configuration for combined-registry. Ctrl-C ends this, and nothing is written.");
  sayWhatIsGiven(origins.overrides);
  const hosted = table.hosted ?? (await askUrl("Where is the private registry that people push to?"));
  const proxy = table.proxy ?? (await askProxies());
  const users = authIsDecided ? undefined : await askUsers(home);
  const tls = table.tls ?? (await askTls());
  const port = table.port ?? Number(await askPort());
  return {
    table: {
      hosted,
      proxy,
      ...table,
      ...(users !== undefined && { auth: { htpasswdFile: users.file } }),
      ...(tls !== undefined && { tls }),
      port,
    },
    user: users?.first,
  };
}

/** Asks for the password of a user, twice. */
export async function askPassword(name: string): Promise<string> {
  for (;;) {
    const first = await answer(
      password({ message: `Password of ${name}`, validate: sayIfWrong(passwordProblem) }),
    );
    if ((await answer(password({ message: "Once more" }))) === first) {
      return first;
    }
    log.warn("The passwords are different.");
  }
}

function sayWhatIsGiven(overrides: Overrides): void {
  for (const [option, { from }] of overrides) {
    // Without the value: a URL may contain a password.
    log.info(`${option} is taken from ${from}`);
  }
}

function askUrl(message: string): Promise<string> {
  const validate = sayIfWrong((url) => upstreamProblem({ hosted: url, proxy: placeholder }));
  return answer(text({ message, placeholder, validate }));
}

const placeholder = "http://registry:5000";

async function askProxies(): Promise<readonly unknown[]> {
  const given = await answer(
    text({
      message: "Where are the pull-through caches, in order? URLs or name=URL, separated by spaces",
      placeholder: "http://docker-hub-cache:5000",
      validate: sayIfWrong((words) => upstreamProblem({ hosted: placeholder, proxy: proxiesIn(words) })),
    }),
  );
  return proxiesIn(given);
}

function proxiesIn(words: string): unknown[] {
  return words
    .trim()
    .split(/\s+/)
    .map((word) => parseProxy(word) ?? word);
}

function upstreamProblem(config: object): string | undefined {
  try {
    assertConfig(config);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) {
      return `expected ${error.problems[0]?.expected}`;
    }
    throw error;
  }
}

async function askUsers(home: string): Promise<{ file: string; first: FirstUser | undefined } | undefined> {
  if (!(await answer(confirm({ message: "Ask clients for user and password?", initialValue: false })))) {
    return undefined;
  }
  const file = await askFile("In which htpasswd file are they?", "./htpasswd");
  if (await exists(resolve(home, file))) {
    return { file, first: undefined };
  }
  const message = `There is no ${file} yet. The name of its first user?`;
  const name = await answer(text({ message, validate: sayIfWrong(nameProblem) }));
  return { file, first: { name, password: await askPassword(name) } };
}

async function askTls(): Promise<{ certFile: string; keyFile: string } | undefined> {
  const message =
    "Serve HTTPS here? (docker requires it except on localhost; a load balancer in front can do it instead)";
  if (!(await answer(confirm({ message, initialValue: false })))) {
    return undefined;
  }
  return {
    certFile: await askFile("In which file is the certificate (PEM)?", "./cert.pem"),
    keyFile: await askFile("And its private key?", "./key.pem"),
  };
}

function askFile(message: string, usual: string): Promise<string> {
  return answer(
    text({
      message,
      initialValue: usual,
      validate: sayIfWrong((file) => (file === "" ? "expected a file name" : undefined)),
    }),
  );
}

function askPort(): Promise<string> {
  return answer(
    text({
      message: "On which port?",
      initialValue: String(defaults.port),
      validate: sayIfWrong((port) =>
        /^\d{1,5}$/.test(port) && Number(port) <= 65_535 ? undefined : "expected a number from 0 to 65535",
      ),
    }),
  );
}

/** No answer counts as an empty answer. */
function sayIfWrong(problem: (answer: string) => string | undefined) {
  return (given: string | undefined) => problem(given ?? "");
}

async function answer<T extends string | boolean>(asked: Promise<T | typeof CANCEL_SYMBOL>): Promise<T> {
  const given = await asked;
  if (given === CANCEL_SYMBOL) {
    throw breakdown("nothing is written");
  }
  return given;
}
