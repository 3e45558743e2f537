import { once } from "node:events";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type TLSSocket } from "node:tls";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "./support/build.ts";
import { fixture } from "./support/fixture.ts";
import { type Folder, folderWith } from "./support/folder.ts";
import { type Program, startProgram } from "./support/program.ts";
import { startUpstream, type Upstream } from "./support/upstream.ts";
import { within } from "./support/within.ts";

// Reloads of the program as people run it: built, in a process of its own.

beforeAll(build, 120_000);
jest.setTimeout(30_000);

const config = "combined-registry.json";
const alice = "alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n";
const basic = (credentials: string) => ({
  Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
});

interface Running extends AsyncDisposable {
  readonly folder: Folder;
  readonly program: Program;
  readonly url: string;
  readonly hosted: Upstream;
  readonly proxy: Upstream;
  /** Writes the configuration anew. */
  configure(changes: object): Promise<void>;
}

async function start(options: object = {}, files: Readonly<Record<string, string>> = {}): Promise<Running> {
  const resources = new Resources();
  const hosted = resources.use(await startUpstream());
  const proxy = resources.use(await startUpstream());
  const base = {
    host: "127.0.0.1",
    port: 0,
    hosted: hosted.url,
    proxy: proxy.url,
    reload: "signal",
    ...options,
  };
  const folder = resources.use(await folderWith({ ...files, [config]: JSON.stringify(base) }));
  const program = resources.use(startProgram([], { folder: folder.path }));
  return {
    folder,
    program,
    hosted,
    proxy,
    url: await program.url(),
    configure: (changes) => writeFile(folder.file(config), JSON.stringify({ ...base, ...changes })),
    [Symbol.asyncDispose]: () => resources.dispose(),
  };
}

/** What goes away with a test, the last first; Node 20 has no AsyncDisposableStack. */
class Resources {
  readonly #all: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  async dispose(): Promise<void> {
    for (const one of this.#all.reverse()) {
      await one[Symbol.asyncDispose]();
    }
  }
}

async function hangUp({ program }: Running, said: string) {
  program.signal("SIGHUP");
  return program.logged(said);
}

describe("SIGHUP", () => {
  test("brings in other upstreams for the next request", async () => {
    await using running = await start();
    await using other = await startUpstream();
    await running.configure({ proxy: other.url, logLevel: "debug" });

    expect(await hangUp(running, "reloaded")).toMatchObject({
      reason: "SIGHUP",
      changed: ["logLevel", "proxy"],
    });
    await fetch(`${running.url}/v2/library/x/manifests/1`);
    expect(other.requests.some((request) => request.includes("/v2/library/x/manifests/1"))).toBe(true);
    expect(running.proxy.requests.some((request) => request.includes("library/x"))).toBe(false);
  });

  test("says so when nothing has changed", async () => {
    await using running = await start();

    expect(await hangUp(running, "reloaded")).toMatchObject({
      msg: "reloaded, nothing has changed",
      changed: [],
    });
  });

  test("refuses a configuration that is wrong, with its reason, and goes on as before", async () => {
    await using running = await start();
    await writeFile(running.folder.file(config), JSON.stringify({ hosted: "nowhere", proxy: "http://p:1" }));

    const refused = await hangUp(running, "reload refused");
    expect(refused).toMatchObject({ level: "error", msg: expect.stringMatching(/hosted: expected a URL/) });
    expect((await fetch(`${running.url}/v2/`)).status).toBe(200);
  });

  test("never takes a configuration or an htpasswd file that is gone for one that asks for no passwords", async () => {
    await using running = await start({ auth: { htpasswdFile: "htpasswd" } }, { htpasswd: alice });
    expect((await fetch(`${running.url}/v2/`)).status).toBe(401);
    await rm(running.folder.file("htpasswd"));
    await hangUp(running, "expected a readable htpasswd file");
    await rm(running.folder.file(config));
    await hangUp(running, "configuration file: expected a readable file");

    expect((await fetch(`${running.url}/v2/`)).status).toBe(401);
    expect((await fetch(`${running.url}/v2/`, { headers: basic("alice:correct horse") })).status).toBe(200);
  });

  test.each(["", "# nothing\n", "{}\n"])(
    "never takes a configuration that has become empty for one that asks for no passwords: %j",
    async (content) => {
      await using upstream = await startUpstream();
      const file = "combined-registry.yaml";
      const written = "{ host: 127.0.0.1, port: 0, reload: signal, auth: { htpasswdFile: htpasswd } }";
      await using folder = await folderWith({ htpasswd: alice, [file]: written });
      // With upstreams from elsewhere, nothing but the passwords would be missing.
      const environment = { HOSTED_URL: upstream.url, PROXY_URL: upstream.url };
      await using program = startProgram([], { folder: folder.path, environment });
      const url = await program.url();
      await writeFile(folder.file(file), content);
      program.signal("SIGHUP");

      expect(await program.logged("reload refused")).toMatchObject({
        level: "error",
        msg: expect.stringContaining(
          "configuration file: expected options as there were before, given none in",
        ),
      });
      expect((await fetch(`${url}/v2/`)).status).toBe(401);
    },
  );

  test.each(["", "\n", "# alice was here\n"])(
    "never locks everybody out for an htpasswd file that has become empty: %j",
    async (content) => {
      await using running = await start({ auth: { htpasswdFile: "htpasswd" } }, { htpasswd: alice });
      await writeFile(running.folder.file("htpasswd"), content);

      expect(await hangUp(running, "reload refused")).toMatchObject({
        level: "error",
        msg: expect.stringMatching(
          /expected an htpasswd file with users, given ".*htpasswd" \(it has no users\)$/,
        ),
      });
      const statuses = ["alice:correct horse", "alice:wrong"].map(
        async (user) => (await fetch(`${running.url}/v2/`, { headers: basic(user) })).status,
      );
      expect(await Promise.all(statuses)).toEqual([200, 401]);
    },
  );

  test("brings in other users, and those who are gone stay out", async () => {
    await using running = await start({ auth: { htpasswdFile: "htpasswd" } }, { htpasswd: alice });
    const status = async (user: string) =>
      (await fetch(`${running.url}/v2/`, { headers: basic(`${user}:correct horse`) })).status;
    expect([await status("alice"), await status("bob")]).toEqual([200, 401]);
    await writeFile(running.folder.file("htpasswd"), alice.replace("alice", "bob"));

    expect(await hangUp(running, "reloaded")).toMatchObject({ changed: ["users"] });
    expect([await status("alice"), await status("bob")]).toEqual([401, 200]);
  });

  test("ends or begins the slowing of those who send wrong passwords", async () => {
    const auth = { htpasswdFile: "htpasswd" };
    await using running = await start({ auth }, { htpasswd: alice });
    const status = async () => (await fetch(`${running.url}/v2/`, { headers: basic("alice:wrong") })).status;
    for (let count = 0; count < 10; count += 1) {
      expect(await status()).toBe(401);
    }
    expect(await status()).toBe(429);
    await running.configure({ auth: { ...auth, throttle: false } });
    expect(await hangUp(running, "reloaded")).toMatchObject({ changed: ["auth"] });

    expect([await status(), await status()]).toEqual([401, 401]);
  });

  test("brings in another certificate for new connections, while those that stand go on", async () => {
    const files = {
      cert: await readFile(fixture("test-only.cert.pem"), "utf8"),
      key: await readFile(fixture("test-only.key.pem"), "utf8"),
    };
    await using running = await start({ tls: { certFile: "cert", keyFile: "key" } }, files);
    const { port } = new URL(running.url);
    const [before, kept] = await subjectAt(port);
    await copyFile(fixture("test-only-second.cert.pem"), running.folder.file("cert"));
    expect(await hangUp(running, "reload refused")).toMatchObject({ level: "error" });
    await copyFile(fixture("test-only-second.key.pem"), running.folder.file("key"));

    expect(await hangUp(running, "reloaded")).toMatchObject({ changed: ["certificate"] });
    const [after, fresh] = await subjectAt(port);
    expect([before === "test-only-second", after]).toEqual([false, "test-only-second"]);
    kept.write("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const [answer] = await within(once(kept, "data"), "an answer on the old connection");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    fresh.destroy();
  });

  test("warns of what only a restart can change, and takes in the rest", async () => {
    await using running = await start();
    await running.configure({ host: "127.0.0.2", headersTimeout: 5_000 });

    expect(await hangUp(running, "reloaded")).toMatchObject({ changed: ["host", "headersTimeout"] });
    expect(await running.program.logged("restart to apply")).toMatchObject({ level: "warn", option: "host" });
    expect((await fetch(`${running.url}/livez`)).status).toBe(200);
  });
});

describe("a file that changes", () => {
  test("is loaded by itself", async () => {
    await using running = await start(
      { reload: "watch", auth: { htpasswdFile: "htpasswd" } },
      { htpasswd: alice },
    );
    await writeFile(running.folder.file("htpasswd"), alice.replace("alice", "bob"));

    const line = await running.program.logged("reloaded");
    expect(line).toMatchObject({
      changed: ["users"],
      reason: expect.stringMatching(/^changed: .*htpasswd$/),
    });
  });

  const esm = (written: object) => `export default ${JSON.stringify(written)};`;
  const commonJs = (written: object) => `module.exports = ${JSON.stringify(written)};`;
  const manifest = (written: object) => JSON.stringify({ type: "module", "combined-registry": written });
  test.each<[string, (written: object) => string, Readonly<Record<string, string>>]>([
    ["combined-registry.json", JSON.stringify, {}],
    ["combined-registry.yaml", JSON.stringify, {}],
    ["combined-registry.yml", JSON.stringify, {}],
    [".combined-registryrc", JSON.stringify, {}],
    ["package.json", manifest, {}],
    ["combined-registry.mjs", esm, {}],
    ["combined-registry.cjs", commonJs, {}],
    ["combined-registry.js", commonJs, {}],
    ["combined-registry.config.js", esm, { "package.json": '{ "type": "module" }' }],
  ])("takes effect with every reload: %s", async (name, write, beside) => {
    await using upstream = await startUpstream();
    const base = { host: "127.0.0.1", port: 0, reload: "signal", hosted: upstream.url, proxy: upstream.url };
    await using folder = await folderWith({ ...beside, [name]: write(base) });
    await using program = startProgram([], { folder: folder.path });
    const url = await program.url();
    const statuses = [(await fetch(`${url}/livez`)).status];

    for (const [index, operations] of ["off", "open"].entries()) {
      await writeFile(folder.file(name), write({ ...base, operations }));
      program.signal("SIGHUP");
      await program.logged("reloaded", index);
      statuses.push((await fetch(`${url}/livez`)).status);
    }

    expect(statuses).toEqual([200, 404, 200]);
  });

  test("and is wrong is refused, and noticed again when it or what it names is put right", async () => {
    await using running = await start({ reload: "watch" });
    const auth = { username: "router", passwordFile: "password" };
    await running.configure({ hosted: { url: running.hosted.url, auth } });
    expect(await running.program.logged("reload refused")).toMatchObject({
      msg: expect.stringContaining("hosted.auth.passwordFile: expected a readable file"),
    });
    await writeFile(running.folder.file("password"), "secret\n");

    expect(await running.program.logged("reloaded")).toMatchObject({
      changed: ["hosted"],
      reason: expect.stringMatching(/^changed: .*password$/),
    });
  }, 30_000);
});

describe("an uncaught exception", () => {
  test("is logged, and serving goes on", async () => {
    await using hosted = await startUpstream();
    const hook = `() => { setImmediate(() => { throw new Error("a bug in a hook"); }); return "allow"; }`;
    await using folder = await folderWith({
      "combined-registry.mjs": `export default { host: "127.0.0.1", port: 0, hosted: ${JSON.stringify(hosted.url)},
        proxy: ${JSON.stringify(hosted.url)}, authorize: ${hook} };`,
    });
    await using program = startProgram([], { folder: folder.path });
    const url = await program.url();

    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    const line = await program.logged("uncaught exception");
    expect(line).toMatchObject({ level: "error", err: { message: "a bug in a hook" } });
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
  });
});

/** The name in the certificate that a server shows, and the connection. */
async function subjectAt(port: string): Promise<[string | undefined, TLSSocket]> {
  const socket = connect({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false });
  await within(once(socket, "secureConnect"), "a connection");
  return [String(socket.getPeerCertificate().subject.CN), socket];
}
