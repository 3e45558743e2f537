import { chmod, readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { folderWith } from "./support/folder.ts";
import { runMain } from "./support/run-main.ts";

interface Row {
  readonly what: string;
  readonly argv?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly files?: Readonly<Record<string, string>>;
  /** Without the program's name in front; DIR stands for the working directory. */
  readonly says: readonly string[];
}

const upstreams = ["--hosted", "http://h:1", "--proxy", "http://p:1"];
const yaml = (content: string) => ({ "combined-registry.yaml": content });
const both = "hosted: http://h:1\nproxy: http://p:1\n";
const inFile = "DIR/combined-registry.yaml: ";
const urlExpected = "expected a URL beginning with http:// or https://, such as http://registry:5000";

const rows: readonly Row[] = [
  // No upstream
  {
    what: "nothing at all",
    says: [
      "no upstream registries: give their URLs with --hosted and --proxy, in the environment variables " +
        "HOSTED_HOSTNAME and PROXY_HOSTNAME, or as hosted and proxy in a configuration file",
    ],
  },
  {
    what: "no proxy",
    argv: ["--hosted", "http://h:1"],
    says: [
      "no proxy registry: give its URL with --proxy, in the environment variable PROXY_HOSTNAME, or as proxy in a configuration file",
    ],
  },
  {
    what: "no hosted",
    environment: { PROXY_HOSTNAME: "p" },
    says: [
      "no hosted registry: give its URL with --hosted, in the environment variable HOSTED_HOSTNAME, or as hosted in a configuration file",
    ],
  },
  // Bad values from flags
  {
    what: "a bad URL by flag",
    argv: ["--hosted", "h:1", "--proxy", "http://p:1"],
    says: [`option --hosted: ${urlExpected}, given "h:1"`],
  },
  {
    what: "a bad second proxy by flag",
    argv: [...upstreams, "--proxy", "ftp://x"],
    says: [`option --proxy: ${urlExpected}, given "ftp://x"`],
  },
  {
    what: "a bad name of a proxy by flag",
    argv: [...upstreams, "--proxy", "Hub=http://x"],
    says: [
      `option --proxy, name: expected lower-case letters, digits, '.', '_' or '-', beginning with a letter, given "Hub"`,
    ],
  },
  ...["0", "abc", "1.5", "1000000"].map((value) => ({
    what: `a time in seconds by flag: ${value}`,
    argv: [...upstreams, "--drain-timeout", value],
    says: [
      `option --drain-timeout: expected a whole number of seconds from 1 to 999999, given ${JSON.stringify(value)}`,
    ],
  })),
  {
    what: "a password in a URL",
    argv: ["--hosted", "http://me:hunter2@h:1", "--proxy", "http://p:1"],
    says: [
      'option --hosted: expected a URL without user and password (these go into auth), given "http://***@h:1"',
    ],
  },
  {
    what: "a port that is no number",
    argv: [...upstreams, "--port", "http"],
    says: ['option --port: expected a port number from 0 to 65535, given "http"'],
  },
  {
    what: "a port that is too high",
    argv: [...upstreams, "--port", "65536"],
    says: ['option --port: expected a port number from 0 to 65535, given "65536"'],
  },
  {
    what: "a host with a port",
    argv: [...upstreams, "--host", "http://x"],
    says: ['option --host: expected a host name or address without port and brackets, given "http://x"'],
  },
  {
    what: "an unknown log level",
    argv: [...upstreams, "--log-level", "loud"],
    says: [
      'option --log-level: expected one of trace, debug, info, warn, error, fatal, silent, given "loud"',
    ],
  },
  {
    what: "an unknown base, by option",
    argv: [...upstreams, "--base", "some"],
    says: ['option --base: expected one of "all", "hosted", "any", given "some"'],
  },
  {
    what: "an unknown base, by environment",
    argv: upstreams,
    environment: { BASE: "none" },
    says: ['environment variable BASE: expected one of "all", "hosted", "any", given "none"'],
  },
  {
    what: "a status page that is neither on nor off",
    argv: upstreams,
    environment: { STATUS_PAGE: "no" },
    says: ['environment variable STATUS_PAGE: expected true or false, given "no"'],
  },
  {
    what: "a certificate without a key",
    argv: [...upstreams, "--tls-cert", "cert.pem"],
    says: ["tls.keyFile: expected a file name, nothing was given"],
  },
  {
    what: "a certificate that is not there",
    argv: [...upstreams, "--tls-cert", "cert.pem", "--tls-key", "key.pem"],
    files: { "key.pem": "" },
    says: ['option --tls-cert: expected a readable certificate, given "DIR/cert.pem" (no such file)'],
  },
  {
    what: "a named file that is not there",
    argv: ["--config", "missing.yaml"],
    says: ['option --config: expected a readable file, given "missing.yaml" (no such file)'],
  },
  {
    what: "a folder for a file",
    argv: ["--config", "."],
    files: { x: "" },
    says: ['option --config: expected a readable file, given "." (it is a folder)'],
  },
  {
    what: "a file of a kind that nobody reads",
    argv: ["--config", "router.toml"],
    says: [
      'option --config: expected a file ending in .yaml, .yml, .json, .js, .mjs or .cjs, given "router.toml"',
    ],
  },
  // Bad values from the environment
  {
    what: "a bad URL by environment",
    environment: { HOSTED_URL: "registry", PROXY_HOSTNAME: "p" },
    says: [`environment variable HOSTED_URL: ${urlExpected}, given "registry"`],
  },
  {
    what: "a bad host name by environment",
    environment: { HOSTED_HOSTNAME: "ftp://registry", PROXY_HOSTNAME: "p" },
    says: [`environment variable HOSTED_HOSTNAME: ${urlExpected}, given "ftp://registry"`],
  },
  {
    what: "a bad name for direct access by environment",
    environment: { HOSTED_URL: "http://h", HOSTED_HOSTNAME: "a b", PROXY_HOSTNAME: "p" },
    says: [
      "environment variables HOSTED_URL and HOSTED_HOSTNAME: " +
        'expected a host name in lower case, without port, given "a b"',
    ],
  },
  {
    what: "one name for both registries by environment",
    environment: { HOSTED_URL: "http://h", HOSTED_HOSTNAME: "x", PROXY_URL: "http://p", PROXY_HOSTNAME: "x" },
    says: [
      "environment variables PROXY_URL and PROXY_HOSTNAME: " +
        'expected a host name that does not stand for hosted already, given "x"',
    ],
  },
  {
    what: "a bad port by environment",
    environment: { PORT: "-1" },
    argv: upstreams,
    says: ['environment variable PORT: expected a port number from 0 to 65535, given "-1"'],
  },
  {
    what: "a bad switch",
    environment: { ENABLE_AUTH: "yes" },
    argv: upstreams,
    says: ['environment variable ENABLE_AUTH: expected true or false, given "yes"'],
  },
  {
    what: "a public name that no header can carry",
    environment: { AGGREGATE_HOSTNAME: "a b" },
    argv: upstreams,
    says: ['environment variable AGGREGATE_HOSTNAME: expected a host name, given "a b"'],
  },
  // Bad files
  {
    what: "YAML that is none, without its secrets",
    files: yaml("hosted: [\npassword: hunter2\n"),
    says: [
      `${inFile}expected valid YAML, found a syntax error in line 3: unexpected end of the stream within a flow collection`,
    ],
  },
  {
    what: "YAML with a password for an alias",
    files: yaml("password: *hunter2\n"),
    says: [`${inFile}expected valid YAML, found a syntax error in line 1: unidentified alias`],
  },
  {
    what: "JSON that is none, without its secrets",
    argv: ["--config", "x.json"],
    files: { "x.json": '{"password": "hunter2",,}' },
    says: ["DIR/x.json: expected valid JSON, found a syntax error at position 23"],
  },
  {
    what: "a script that fails",
    argv: ["--config", "x.cjs"],
    files: { "x.cjs": "throw new Error('no luck');" },
    says: ["DIR/x.cjs: no luck"],
  },
  { what: "a list", files: yaml("- a\n"), says: [`${inFile}expected a table of options`] },
  {
    what: "unknown options",
    files: yaml(`${both}prot: 1\nwhatever: 2\n`),
    says: [`${inFile}no option "prot", did you mean "port"?`, `${inFile}no option "whatever"`],
  },
  {
    what: "unknown options further down",
    files: yaml(
      "hosted: { url: 'http://h:1', timeouts: { conect: 1 } }\n" +
        "proxy: [{ url: 'http://p:1', nmae: x, auth: { user: x, password: hunter2 } }]\ntls: { certfile: a, keyFile: b }\n",
    ),
    says: [
      `${inFile}tls.certFile: expected a file name, nothing was given`,
      `${inFile}no option "tls.certfile", did you mean "certFile"?`,
      `${inFile}no option "hosted.timeouts.conect", did you mean "connect"?`,
      `${inFile}proxy[0].auth.username: expected text, nothing was given`,
      `${inFile}no option "proxy[0].auth.user", did you mean "username"?`,
      `${inFile}no option "proxy[0].nmae", did you mean "name"?`,
    ],
  },
  {
    what: "a rule without a pattern",
    files: yaml(`${both}rules:\n  - { match: "corp/**" }\n  - { match: [] }\n`),
    says: [`${inFile}rules[1].match: expected at least one pattern, given a list of 0`],
  },
  {
    what: "rules that name nobody, and that come too late",
    files: yaml(
      `${both}rules:\n  - { match: "corp/**", pull: [hosted, quay] }\n  - { match: "**" }\n  - { match: "team/**" }\n`,
    ),
    says: [
      `${inFile}rules[0].pull[1]: expected one of hosted, proxy, given "quay"`,
      `${inFile}rules[2].match: expected a pattern that rules[1] (**) does not cover, or a place before that rule, ` +
        'given "team/**"',
    ],
  },
  {
    what: "a misspelt option of a rule",
    files: yaml(`${both}rules:\n  - { match: "corp/**", pul: [hosted] }\n`),
    says: [`${inFile}no option "rules[0].pul", did you mean "pull"?`],
  },
  {
    what: "a misspelt upstream is not taken for a missing one",
    files: yaml("hostd: http://h:1\nproxy: http://p:1\n"),
    says: [`${inFile}no option "hostd", did you mean "hosted"?`],
  },
  {
    what: "a bad URL in a list",
    files: yaml("hosted: http://h:1\nproxy: ['http://p:1', { url: nowhere }]\n"),
    says: [`${inFile}proxy[1].url: ${urlExpected}, given "nowhere"`],
  },
  {
    what: "an unset variable",
    files: yaml(`${both}via: $\{NAME_OF_ROUTER}\ntrustProxy: ['a$\{OTHER}']\n`),
    environment: { OTHER: "" },
    says: [
      `${inFile}via: expected a value in environment variable NAME_OF_ROUTER, nothing was given`,
      `${inFile}trustProxy[0]: expected a value in environment variable OTHER, nothing was given`,
    ],
  },
  {
    what: "an open brace",
    files: yaml(`${both}via: $\{NAME\n`),
    says: [
      `${inFile}via: expected a variable's name and } after $\{ (or $$\{ for a literal $\{), given neither`,
    ],
  },
  {
    what: "a password file that is not there",
    files: yaml(
      "proxy: http://p:1\nhosted: { url: 'http://h:1', auth: { username: u, passwordFile: pw } }\n",
    ),
    says: [`${inFile}hosted.auth.passwordFile: expected a readable file, given "pw" (no such file)`],
  },
  {
    what: "a password file with nothing in it",
    files: {
      ...yaml("proxy: http://p:1\nhosted: { url: 'http://h:1', auth: { username: u, passwordFile: pw } }\n"),
      pw: "\n",
    },
    says: [
      `${inFile}hosted.auth.passwordFile: expected a file that is not empty, given "pw", which is empty`,
    ],
  },
  {
    what: "an upstream's certificates that are none",
    files: {
      ...yaml(
        "hosted: { url: 'https://h:1', tls: { caFile: ca.pem } }\n" +
          "proxy: [{ url: 'https://p:1', tls: { certFile: cert.pem, keyFile: key.pem } }]\n",
      ),
      "ca.pem": "hunter2\n",
      "cert.pem": "hunter2\n",
      "key.pem": "hunter2\n",
    },
    says: [
      `${inFile}hosted.tls.caFile: expected PEM certificates, given "ca.pem", text without a certificate`,
      `${inFile}proxy[0].tls.certFile: expected a PEM certificate and the private key that belongs to it, ` +
        `given "cert.pem", which OpenSSL refuses (no start line)`,
    ],
  },
  {
    what: "an upstream's certificate without its key",
    files: {
      ...yaml(
        "proxy: http://p:1\nhosted: { url: 'https://h:1', tls: { certFile: cert.pem, keyFile: key.pem } }\n",
      ),
      "cert.pem": "hunter2\n",
    },
    says: [`${inFile}hosted.tls.keyFile: expected a readable file, given "key.pem" (no such file)`],
  },
  {
    what: "a password and a password file",
    files: yaml(
      "proxy: http://p:1\nhosted: { url: 'http://h:1', auth: { username: u, password: hunter2, passwordFile: pw } }\n",
    ),
    says: [`${inFile}hosted.auth.passwordFile: expected nothing beside password, given "pw"`],
  },
  {
    what: "passthrough together with htpasswd",
    files: yaml(
      "proxy: http://p:1\nhosted: { url: 'http://h:1', auth: passthrough }\nauth: { htpasswdFile: users }\n",
    ),
    says: [
      `${inFile}hosted.auth: expected the router's own credentials or none, since the router checks the clients' credentials itself (one Authorization header cannot serve both), given "passthrough"`,
    ],
  },
  {
    what: "a rule for users without htpasswd",
    files: yaml(`${both}rules:\n  - { match: "**", access: { push: [alice] } }\n`),
    says: [
      `${inFile}rules[0].access.push: expected authentication (auth.htpasswdFile, or an authorize function), without which the router knows no users, or "anonymous", given ["alice"]`,
    ],
  },
  {
    what: "protected pages with nobody to ask for passwords",
    files: yaml(`${both}operations: protected\n`),
    says: [
      `${inFile}operations: expected open or off while there is no authentication (set auth.htpasswdFile or authorize), given "protected"`,
    ],
  },
  {
    what: "auth that is no table",
    files: yaml(`${both}auth: true\n`),
    says: [`${inFile}auth: expected a table with htpasswdFile, given true`],
  },
  // htpasswd
  {
    what: "an htpasswd file that is not there, by flag",
    argv: [...upstreams, "--htpasswd", "users"],
    says: ['option --htpasswd: expected a readable htpasswd file, given "DIR/users" (no such file)'],
  },
  {
    what: "an htpasswd file that is not there, where the nginx router has it",
    argv: upstreams,
    environment: { ENABLE_AUTH: "true" },
    says: [
      'environment variable ENABLE_AUTH: expected a readable htpasswd file, given "/etc/nginx/htpasswd" (no such file)',
    ],
  },
  {
    what: "an htpasswd file without users",
    argv: [...upstreams, "--htpasswd", "users"],
    files: { users: "# nobody yet\n" },
    says: ['option --htpasswd: expected an htpasswd file with users, given "DIR/users" (it has no users)'],
  },
  {
    what: "an htpasswd file with a password in it",
    argv: upstreams,
    environment: { HTPASSWD_FILE: "users" },
    files: { users: "alice:hunter2\n" },
    says: [
      "environment variable HTPASSWD_FILE: htpasswd file DIR/users, line 1: expected a bcrypt, apr1, SHA, SSHA or " +
        'crypt hash, found none (a password in plain text?); make the entry anew with "htpasswd -B"',
    ],
  },
  // Command line
  {
    what: "a misspelt flag",
    argv: ["--htpaswd", "x"],
    says: ["unknown option '--htpaswd'", "(Did you mean --htpasswd?)"],
  },
  {
    what: "a flag without its value",
    argv: ["--config"],
    says: ["option '--config <file>' argument missing"],
  },
  {
    what: "a command that does not exist",
    argv: ["sreve"],
    says: ["unknown command 'sreve'", "(Did you mean serve?)"],
  },
  {
    what: "a proxy with an empty name",
    argv: ["--proxy", "=http://p"],
    says: ["option '--proxy <url>' argument '=http://p' is invalid. Expected a URL or name=URL."],
  },
  { what: "--once without --demo", argv: ["--once"], says: ["option '--once' is only for --demo"] },
  {
    what: "--demo with registries",
    argv: ["--demo", "--hosted", "http://h:1"],
    says: ["option '--demo' starts its own registries and takes only the options --port and --once"],
  },
];

describe("bad usage and configuration end with code 2 and one sentence per problem", () => {
  test.each(rows)("$what", async ({ argv = [], environment = {}, files = {}, says }) => {
    await using folder = await folderWith(files);
    const { code, out, err } = await runMain(argv, { environment, folder: folder.path });
    const sentences = err
      .trimEnd()
      .replaceAll(folder.path, "DIR")
      .split("\n")
      .map((line) => line.replace(/^combined-registry: /, ""));
    expect(sentences).toEqual(says);
    expect(err).toMatch(/^combined-registry: /);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).not.toContain("hunter2");
  });

  test("a configuration file that may not be read is not passed over", async () => {
    await using folder = await folderWith(yaml(both));
    await chmod(folder.file("combined-registry.yaml"), 0);
    const { code, err } = await runMain(["--port", "nonsense"], { folder: folder.path });
    expect(code).toBe(2);
    // Root may read everything, and so gets as far as the port.
    expect(err).toMatch(
      process.getuid?.() === 0 ? /option --port/ : /combined-registry\.yaml" \(permission denied\)/,
    );
  });
});

describe("help and version", () => {
  test("--version prints the version", async () => {
    const manifest = await readFile(new URL("../package.json", import.meta.url), "utf8");
    const { version }: { version: string } = JSON.parse(manifest);
    expect(await runMain(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  test.each([["--help"], ["serve --help"]])("%s names every flag", async (line) => {
    const { code, out, err } = await runMain(line.split(" "));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const flag of "config hosted proxy host port base htpasswd tls-cert tls-key log-level demo".split(
      " ",
    )) {
      expect(out).toContain(`--${flag}`);
    }
  });

  test("--help shows examples and every variable of the environment", async () => {
    const { out } = await runMain(["--help"]);
    for (const variable of [
      ...["HOSTED_HOSTNAME", "PROXY_HOSTNAME", "HOSTED_URL", "PROXY_URL", "AGGREGATE_HOSTNAME"],
      ...["ENABLE_AUTH", "HTPASSWD_FILE", "HOST", "PORT", "BASE", "LOG_LEVEL", "Examples:"],
    ]) {
      expect(out).toContain(variable);
    }
  });
});
