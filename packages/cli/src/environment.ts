import type { Given, OverridableOption, Overrides } from "./config/overrides.ts";
import { defaults } from "./defaults.ts";
import { misuse } from "./failure.ts";

/** Settings from environment variables. An empty variable counts as not set. */
export interface EnvironmentSettings {
  readonly overrides: Overrides;
  /** From ENABLE_AUTH; undefined leaves it to the other sources. */
  readonly enableAuth: boolean | undefined;
  /** The public host name of this address. */
  readonly publicName: string | undefined;
}

/** The variables, as `--help` lists them. All but the last seven rows are those of the nginx router. */
export const environmentTable: readonly (readonly [variables: string, meaning: string])[] = [
  ["HOSTED_HOSTNAME", "the private registry: host[:port] or URL"],
  ["PROXY_HOSTNAME", "the pull-through cache: host[:port] or URL"],
  ["HOSTED_URL, PROXY_URL", "their URLs; the host names above then each serve only that registry"],
  ["AGGREGATE_HOSTNAME", "the public name of this address"],
  ["ENABLE_AUTH", "true or false: ask clients for user and password"],
  ["HTPASSWD_FILE", `users and passwords (${defaults.htpasswdFile} if ENABLE_AUTH=true)`],
  ["HOST, PORT", `where to listen (${defaults.host}, ${defaults.port})`],
  ["WORKERS", `processes that share the port, or auto for one per processor (${defaults.workers})`],
  ["BASE", `all, hosted or any: which upstreams /v2/ needs to answer 200 (${defaults.base})`],
  [
    "DRAIN_TIMEOUT",
    `seconds for requests under way after a signal to stop (${defaults.drainTimeout / 1000})`,
  ],
  ["STATUS_PAGE", "true or false: serve a status page at / (true)"],
  ["LOG_LEVEL", `trace, debug, info, warn, error, fatal or silent (${defaults.logLevel})`],
  ["LOG_FORMAT", `json, text, or auto: text on a terminal, JSON everywhere else (${defaults.logFormat})`],
];

type Read = (variable: string) => string | undefined;

/** @throws Failure if the value of ENABLE_AUTH, STATUS_PAGE or AGGREGATE_HOSTNAME is invalid */
export function readEnvironment(environment: NodeJS.ProcessEnv): EnvironmentSettings {
  const read: Read = (variable) => environment[variable] || undefined;
  const settings: [OverridableOption, Given | undefined][] = [
    ["hosted", upstream(read, "HOSTED_URL", "HOSTED_HOSTNAME")],
    ["proxy", upstream(read, "PROXY_URL", "PROXY_HOSTNAME")],
    ["host", given(read, "HOST")],
    ["port", given(read, "PORT")],
    ["workers", given(read, "WORKERS")],
    ["base", given(read, "BASE")],
    ["logLevel", given(read, "LOG_LEVEL")],
    ["logFormat", given(read, "LOG_FORMAT")],
    ["statusPage", givenSwitch(read, "STATUS_PAGE")],
    ["drain.timeout", given(read, "DRAIN_TIMEOUT")],
    ["auth.htpasswdFile", given(read, "HTPASSWD_FILE")],
  ];
  return {
    overrides: new Map(settings.flatMap(([option, value]) => (value === undefined ? [] : [[option, value]]))),
    enableAuth: readSwitch(read, "ENABLE_AUTH"),
    publicName: readName(read, "AGGREGATE_HOSTNAME"),
  };
}

function given(read: Read, variable: string): Given | undefined {
  const value = read(variable);
  return value === undefined ? undefined : { value, from: `environment variable ${variable}` };
}

function givenSwitch(read: Read, variable: string): Given | undefined {
  const value = readSwitch(read, variable);
  return value === undefined ? undefined : { value, from: `environment variable ${variable}` };
}

/** If there is a URL as well, the host name is one under which clients reach only that registry. */
function upstream(read: Read, urlVariable: string, nameVariable: string): Given | undefined {
  const url = given(read, urlVariable);
  const name = read(nameVariable);
  if (name === undefined) {
    return url;
  }
  // The nginx router speaks http to its registries, so a name without a scheme means that.
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(name) ? name : `http://${name}`;
  if (url === undefined) {
    return { value: address, from: `environment variable ${nameVariable}` };
  }
  // The schema will refuse a value that is not an address.
  const host = URL.canParse(address) ? new URL(address).hostname : name;
  return {
    value: { url: url.value, hosts: [host] },
    from: `environment variables ${urlVariable} and ${nameVariable}`,
  };
}

function readSwitch(read: Read, variable: string): boolean | undefined {
  const value = read(variable);
  if (value !== undefined && value !== "true" && value !== "false") {
    throw misuse(`environment variable ${variable}: expected true or false, given ${JSON.stringify(value)}`);
  }
  return value === undefined ? undefined : value === "true";
}

/** The name becomes the realm in a header, hence the characters. */
function readName(read: Read, variable: string): string | undefined {
  const value = read(variable);
  if (value !== undefined && !/^[\x21-\x7e]+$/.test(value)) {
    throw misuse(`environment variable ${variable}: expected a host name, given ${JSON.stringify(value)}`);
  }
  return value;
}
