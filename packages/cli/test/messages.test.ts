import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "./support/build.ts";
import { folderWith } from "./support/folder.ts";
import { type Program, startProgram } from "./support/program.ts";
import { startTwoWorkers } from "./support/two-workers.ts";
import { startUpstream } from "./support/upstream.ts";
import { within } from "./support/within.ts";

beforeAll(build, 120_000);
jest.setTimeout(60_000);

/** A running program. */
interface Scene {
  readonly program: Program;
  readonly url: string;
  /** Writes the configuration anew. */
  configure(changes: object): Promise<void>;
}

/** @returns the words of the log line that the scene has brought about */
async function scene(
  words: string,
  act: (scene: Scene) => Promise<unknown>,
  config: object = {},
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  await using upstream = await startUpstream(
    (_, response) => void response.writeHead(200, { "Content-Length": 9 }).write("x"),
  );
  const base = {
    host: "127.0.0.1",
    port: 0,
    hosted: upstream.url,
    proxy: upstream.url,
    reload: "signal",
    ...config,
  };
  await using folder = await folderWith({ ...files, "combined-registry.json": JSON.stringify(base) });
  await using program = startProgram([], { folder: folder.path });
  await act({
    program,
    url: await program.url(),
    configure: (changes) =>
      writeFile(folder.file("combined-registry.json"), JSON.stringify({ ...base, ...changes })),
  });
  return (await program.logged(words)).msg;
}

function reload(words: string, changes: object): Promise<string> {
  return scene(words, async ({ configure, program }) => {
    await configure(changes);
    program.signal("SIGHUP");
  });
}

// What has to be done for each message of the page to come.
const scenes: Readonly<Record<string, () => Promise<string>>> = {
  "cannot listen on 0.0.0.0:5000: the port is in use by another program": async () => {
    await using upstream = await startUpstream();
    const { port } = new URL(upstream.url);
    const argv = ["--hosted", upstream.url, "--proxy", upstream.url, "--host", "127.0.0.1", "--port", port];
    await using program = startProgram(argv);
    return (await program.ended()).err.replace(`127.0.0.1:${port}`, "0.0.0.0:5000");
  },
  "reload refused, the old configuration stays in use: ...": () => reload("refused", { hosted: "nonsense" }),
  "port has changed: restart to apply it": () => reload("restart to apply", { port: 1 }),
  "too many connections are open: new ones are closed": () =>
    scene(
      "too many connections",
      async ({ url, program }) => {
        const { hostname, port } = new URL(url);
        const sockets = [1, 2].map(() => connect(Number(port), hostname));
        await program.logged("too many connections");
        for (const socket of sockets) {
          socket.destroy();
        }
      },
      { maxConnections: 1 },
    ),
  "wrong password": () =>
    scene(
      "wrong",
      ({ url }) => fetch(`${url}/v2/`, { headers: { Authorization: `Basic ${btoa("alice:a guess")}` } }),
      { auth: { htpasswdFile: "users" } },
      { users: `alice:{SHA}${createHash("sha1").update("right").digest("base64")}\n` },
    ),
  "hosted and a proxy have the same tag with different digests": async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    hosted.addImage("team/app", { tag: "1", layers: ["ours"] });
    proxy.addImage("team/app", { tag: "1", layers: ["theirs"] });
    const upstreams = { hosted: hosted.url, proxy: proxy.url };
    return await scene("same tag", ({ url }) => fetch(`${url}/v2/team/app/manifests/1`), upstreams);
  },
  "a worker died and is replaced": async () => {
    await using workers = await startTwoWorkers();
    process.kill(await workers.pidOf(1), "SIGKILL");
    return (await workers.program.logged("a worker died")).msg;
  },
  "stopped, and cut off requests that did not finish in time": () =>
    scene(
      "stopped",
      async ({ url, program }) => {
        const { hostname, port } = new URL(url);
        const socket = connect(Number(port), hostname);
        socket.write(`GET /v2/a/blobs/sha256:${"0".repeat(64)} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await within(once(socket, "data"), "the beginning of an answer");
        program.signal("SIGTERM");
      },
      { drain: { timeout: 100 } },
    ),
};

/** The first column of the page's table of what the log says. */
function documented(): string[] {
  const page = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
  const [, table = ""] =
    /<!-- checked by packages\/cli\/test\/messages.test.ts -->\n(.*?)\n\n/s.exec(page) ?? [];
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = ""]) => message);
}

describe("what operators are told that the log says", () => {
  test("is all tried here", () => {
    expect(documented()).toEqual(Object.keys(scenes));
  });

  test.each(Object.entries(scenes))("%s", async (message, produce) => {
    expect(await produce()).toContain(message.replace("...", ""));
  });
});
