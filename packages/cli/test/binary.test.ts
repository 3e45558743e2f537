import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { get as getTls } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "./support/build.ts";
import { fixture } from "./support/fixture.ts";
import { folderWith } from "./support/folder.ts";
import { startProgram } from "./support/program.ts";
import { startUpstream, type Upstream } from "./support/upstream.ts";
import { within } from "./support/within.ts";

// The program as people run it: built, in a process of its own, stopped by signals.

beforeAll(build, 120_000);

const anyPort = ["--host", "127.0.0.1", "--port", "0"];
const pointingAt = (hosted: Upstream, proxy: Upstream) => [
  ...anyPort,
  "--hosted",
  hosted.url,
  "--proxy",
  proxy.url,
];
const blob = `/v2/team/app/blobs/sha256:${"a".repeat(64)}`;
const basic = (credentials: string) => ({
  Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
});

async function responseTo(url: string): Promise<IncomingMessage> {
  const [response] = await within(once(get(url), "response"), `an answer from ${url}`);
  return response;
}

/** A proxy whose blob stops in the middle until it is told to go on. */
async function startSlowProxy() {
  let finish = () => {};
  const upstream = await startUpstream((_, response) => {
    response.setHeader("Content-Length", 8);
    response.write("half");
    finish = () => response.end("done");
  });
  return Object.assign(upstream, { finish: () => finish() });
}

describe("serving", () => {
  test("starts on any port, says where, routes, logs requests as JSON, and ends with 0 on SIGTERM", async () => {
    await using hosted = await startUpstream();
    await using proxy = await startUpstream();
    await using program = startProgram([...pointingAt(hosted, proxy)]);
    const url = await program.url();
    const answer = await fetch(`${url}/v2/`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    program.signal("SIGTERM");
    const { code, log, out, err } = await program.ended();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(log).toHaveLength(out.split("\n").length);
    expect(log).toContainEqual(
      expect.objectContaining({ msg: "request", method: "GET", path: "/v2/", status: 200 }),
    );
    expect(log[0]).toMatchObject({ level: "info", hosted: hosted.url, proxy: [proxy.url], auth: false });
    expect(log.at(-1)).toMatchObject({ msg: "stopped" });
  });

  test("is a drop-in for the nginx router: its environment and its htpasswd file suffice", async () => {
    await using hosted = await startUpstream();
    await using proxy = await startUpstream();
    await using folder = await folderWith({
      htpasswd: [
        "apr1:$apr1$xc5SJuVb$KIiN9dJbTjoVvhMrFFRmD.",
        "bcrypt:$2y$05$6jGWnmAVt.3reYzR87oniOWa7/IHRgRTDV8Il28WRdoCi0ApZGHc6",
        "crypt:It1Jg0fcrshLY",
        "sha:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
        "apr1:It1Jg0fcrshLY",
      ].join("\n"),
    });
    const environment = {
      HOSTED_HOSTNAME: hosted.url.replace("http://", ""),
      PROXY_HOSTNAME: proxy.url.replace("http://", ""),
      AGGREGATE_HOSTNAME: "registry.example.com",
      ENABLE_AUTH: "true",
      HTPASSWD_FILE: "htpasswd",
      PORT: "0",
    };
    await using program = startProgram(["serve"], { environment, folder: folder.path });
    const url = (await program.url()).replace("0.0.0.0", "127.0.0.1");

    const refused = await fetch(`${url}/v2/`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe(
      'Basic realm="registry.example.com", charset="UTF-8"',
    );
    for (const user of ["apr1", "bcrypt", "crypt", "sha"]) {
      const [right, wrong] = await Promise.all([
        fetch(`${url}/v2/`, { headers: basic(`${user}:correct horse`) }),
        fetch(`${url}/v2/`, { headers: basic(`${user}:wrong horse`) }),
      ]);
      expect([user, right.status, wrong.status]).toEqual([user, 200, 401]);
    }
    expect((await fetch(`${url}/v2/`, { headers: basic("nobody:correct horse") })).status).toBe(401);
    expect((await fetch(`${url}/healthcheck`)).status).toBe(200);
    expect((await fetch(`${url}/metrics`)).status).toBe(200);

    program.signal("SIGTERM");
    const { code, log, out } = await program.ended();
    expect(code).toBe(0);
    expect(log).toContainEqual(expect.objectContaining({ msg: "request", status: 200, user: "bcrypt" }));
    expect(log).toContainEqual(expect.objectContaining({ level: "warn", line: 5, user: "apr1" }));
    expect(log).toContainEqual(
      expect.objectContaining({ level: "warn", msg: expect.stringContaining("passwords cross the network") }),
    );
    expect(out).not.toContain("horse");
    expect(out).not.toContain(basic("apr1:correct horse").Authorization);
    expect([...hosted.requests, ...proxy.requests].filter((request) => !request.endsWith(" -"))).toEqual([]);
  });

  test("keeps its own pages for users where they are protected", async () => {
    await using hosted = await startUpstream();
    const { url: upstream } = hosted;
    const written = { hosted: upstream, proxy: upstream, operations: "protected" };
    await using folder = await folderWith({
      "combined-registry.json": JSON.stringify({ ...written, auth: { htpasswdFile: "users" } }),
      users: "alice:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n",
    });
    await using program = startProgram(anyPort, { folder: folder.path });
    const url = await program.url();

    const statuses = ["alice:wrong", "alice:correct horse"].map(
      async (user) => (await fetch(`${url}/metrics`, { headers: basic(user) })).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 200]);
  });

  test("serves HTTPS", async () => {
    await using hosted = await startUpstream();
    await using proxy = await startUpstream();
    const tls = ["--tls-cert", fixture("test-only.cert.pem"), "--tls-key", fixture("test-only.key.pem")];
    await using program = startProgram([...pointingAt(hosted, proxy), ...tls]);
    const url = await program.url();
    expect(url).toMatch(/^https:/);
    const ca = await readFile(fixture("test-only.cert.pem"));
    const [response] = await within(once(getTls(`${url}/v2/`, { ca }), "response"), "an answer");
    expect(response.statusCode).toBe(200);
    expect(await text(response)).toBe("{}");
    program.signal("SIGTERM");
    expect(await program.ended()).toMatchObject({ code: 0, err: "" });
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s finishes a download under way, and ends with 0",
    async (signal) => {
      await using hosted = await startUpstream();
      await using proxy = await startSlowProxy();
      await using program = startProgram(pointingAt(hosted, proxy));
      const url = await program.url();
      const download = await responseTo(`${url}${blob}`);
      await within(once(download, "readable"), "the first half");

      program.signal(signal);
      await program.logged("finishing requests in flight");
      await expect(responseTo(`${url}/v2/`)).rejects.toThrow("ECONNREFUSED");
      proxy.finish();
      expect(await within(text(download), "the other half")).toBe("halfdone");
      expect(await program.ended()).toMatchObject({ code: 0, err: "" });
    },
  );

  test("do not wait for requests of a connection that has died", async () => {
    await using hosted = await startUpstream();
    await using proxy = await startSlowProxy();
    await using program = startProgram(pointingAt(hosted, proxy));
    const { hostname, port } = new URL(await program.url());
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${blob} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3));
    await within(once(socket, "data"), "the first half");
    socket.resetAndDestroy();
    await program.logged("request");

    program.signal("SIGTERM");
    const { code, log } = await program.ended();
    expect([code, log.filter(({ msg }) => msg === "request").length]).toEqual([0, 1]);
  });

  test("end it whatever a configuration has left open", async () => {
    await using upstream = await startUpstream();
    await using folder = await folderWith({
      "combined-registry.mjs": `setInterval(() => undefined, 1_000);
        export default { host: "127.0.0.1", port: 0, hosted: "${upstream.url}", proxy: "${upstream.url}" };`,
    });
    await using program = startProgram([], { folder: folder.path });
    await program.url();

    program.signal("SIGTERM");
    expect(await program.ended()).toMatchObject({ code: 0, err: "" });
  });

  test("a second one ends it on the spot, with 1", async () => {
    await using hosted = await startUpstream();
    await using proxy = await startSlowProxy();
    await using program = startProgram(pointingAt(hosted, proxy));
    const download = await responseTo(`${await program.url()}${blob}`);
    const broken = expect(text(download)).rejects.toThrow("aborted");
    program.signal("SIGTERM");
    await program.logged("finishing requests in flight");
    program.signal("SIGTERM");
    expect(await program.ended()).toMatchObject({ code: 1 });
    await broken;
  });
});

describe("what cannot be done", () => {
  test("a port in use is one sentence and code 1", async () => {
    await using hosted = await startUpstream();
    const port = new URL(hosted.url).port;
    await using program = startProgram([...pointingAt(hosted, hosted), "--port", port]);
    expect(await program.ended()).toEqual({
      code: 1,
      log: [],
      out: "",
      err: `combined-registry: cannot listen on 127.0.0.1:${port}: the port is in use by another program (--port chooses another)\n`,
    });
  });

  test("a key that belongs to another certificate is one sentence and code 2", async () => {
    const [cert, key] = [fixture("test-only.cert.pem"), fixture("test-only-other.key.pem")];
    const upstreams = ["--hosted", "http://127.0.0.1:1", "--proxy", "http://127.0.0.1:1"];
    await using program = startProgram([...anyPort, ...upstreams, "--tls-cert", cert, "--tls-key", key]);
    const { code, out, err } = await program.ended();
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(
      `combined-registry: TLS: expected a PEM certificate and the private key that belongs to it, given ${cert} and ${key}`,
    );
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a bad configuration file is one sentence and code 2", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml": "hosted: nowhere\nproxy: http://p:1\n",
    });
    await using program = startProgram([], { folder: folder.path });
    expect(await program.ended()).toEqual({
      code: 2,
      log: [],
      out: "",
      err: expect.stringMatching(
        /^combined-registry: .*combined-registry\.yaml: hosted: expected a URL [^\n]*\n$/,
      ),
    });
  });
});

describe("--demo", () => {
  const demoRequests = [
    /GET \/v2\/library\/hello\/manifests\/latest +200 +proxy/,
    /GET \/v2\/library\/hello\/manifests\/sha256:\S+ +200 +proxy/,
    /GET \/v2\/library\/hello\/blobs\/sha256:\S+ +200 +proxy/,
    /HEAD \/v2\/team\/app\/blobs\/sha256:\S+ +404 +hosted/,
    /POST \/v2\/team\/app\/blobs\/uploads\/ +202 +hosted/,
    /PUT \/v2\/team\/app\/blobs\/uploads\/\S+ +201 +hosted/,
    /PUT \/v2\/team\/app\/manifests\/1.0 +201 +hosted/,
    /GET \/v2\/team\/app\/manifests\/1.0 +200 +hosted/,
    /GET \/v2\/team\/app\/blobs\/sha256:\S+ +200 +hosted/,
    /GET \/v2\/team\/app\/tags\/list +200 +hosted/,
  ];

  test("--once pulls, pushes, pulls back, shows who answered, and ends with 0", async () => {
    await using program = startProgram(["--demo", "--once", "--port", "0"]);
    const { code, out, err } = await program.ended();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const request of demoRequests) {
      expect(out).toMatch(request);
    }
    expect(out).toContain("tags: 1.0");
    expect(out).not.toContain("docker pull");
  });

  test("else it stays up until a signal, with commands to try that name its port", async () => {
    await using program = startProgram(["--demo", "--port", "0"]);
    const [, port] = await program.printed(/docker pull localhost:(\d+)\/library\/hello/);
    await program.printed(/Ctrl-C ends it/);
    const answer = await fetch(`http://127.0.0.1:${port}/v2/team/app/tags/list`);
    expect(await answer.json()).toEqual({ name: "team/app", tags: ["1.0"] });
    program.signal("SIGINT");
    expect(await program.ended()).toMatchObject({ code: 0, err: "" });
  });

  test("a port in use is one sentence and code 1", async () => {
    await using other = await startUpstream();
    const { port } = new URL(other.url);
    await using program = startProgram(["--demo", "--port", port]);
    expect(await program.ended()).toEqual({
      code: 1,
      log: [],
      out: "",
      err: `combined-registry: cannot listen on 127.0.0.1:${port}: the port is in use by another program (--port chooses another)\n`,
    });
  });
});
