import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fixture } from "../support/fixture.ts";
import { folderWith } from "../support/folder.ts";
import { load } from "../support/load.ts";

const proxy = "proxy: http://p:1";
const cert = pem("test-only.cert.pem");
const key = pem("test-only.key.pem");

function pem(name: string): string {
  return readFileSync(fixture(name), "utf8").trimEnd();
}

describe("variables in a file", () => {
  test("is replaced in every text, however deep, and nowhere else", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml": `
hosted: { url: "http://\${NAME}:5000", auth: { username: "\${NAME}", password: "a\${PASSWORD}z" } }
proxy: ["http://\${NAME}:1", { name: b, url: "http://b:\${NUMBER}" }]
port: "\${NUMBER}"
trustProxy: ["\${RANGE}"]
`,
    });
    const environment = { NAME: "n", PASSWORD: `\${NAME} $& $1 $\${`, NUMBER: "17", RANGE: "10.0.0.0/8" };
    const { router, port } = await load({ environment, folder: folder.path });
    expect(router).toEqual({
      hosted: { url: "http://n:5000", auth: { username: "n", password: `a\${NAME} $& $1 $\${z` } },
      proxy: ["http://n:1", { name: "b", url: "http://b:17" }],
      trustProxy: ["10.0.0.0/8"],
    });
    expect(port).toBe(17);
  });

  test("a doubled dollar sign stands for itself before a brace", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml": `${proxy}\nhosted: { url: "http://h:1", auth: { username: "$\${NAME}", password: "$x$\${" } }`,
    });
    const { router } = await load({ folder: folder.path });
    expect(router.hosted).toEqual({ url: "http://h:1", auth: { username: `\${NAME}`, password: `$x\${` } });
  });
});

describe("secrets in files", () => {
  test.each([
    ["as it is", "secret", "secret"],
    ["without the newline at its end", "secret\n", "secret"],
    ["without the newline of Windows", "secret\r\n", "secret"],
    ["with other white space", " secret \n\n", " secret \n"],
  ])("a password is read %s", async (_what, content, password) => {
    await using folder = await folderWith({
      "etc/combined-registry.yaml": `
hosted: { url: "http://h:1", auth: { username: u, passwordFile: secrets/hosted } }
proxy: [{ url: "http://p:1", auth: { username: u, passwordFile: "\${WHERE}" } }, "http://q:1"]`,
      "etc/secrets/hosted": content,
      elsewhere: "other",
    });
    const argv = ["--config", "etc/combined-registry.yaml"];
    const { router } = await load({
      argv,
      environment: { WHERE: folder.file("elsewhere") },
      folder: folder.path,
    });
    expect(router.hosted).toEqual({ url: "http://h:1", auth: { username: "u", password } });
    expect(router.proxy).toEqual([
      { url: "http://p:1", auth: { username: "u", password: "other" } },
      "http://q:1",
    ]);
  });

  test("every upstream may have its own, in whatever way the proxies are written", async () => {
    const secrets = { a: "from a", b: "from b" };
    const environment = { SECRET: "from the environment", USER: "robot" };
    const one = `auth: { username: "\${USER}", passwordFile: a }`;
    const two = `auth: { username: u, passwordFile: b }`;
    const three = `auth: { username: "\${USER}", password: "\${SECRET}" }`;
    await using listed = await folderWith({
      ...secrets,
      "combined-registry.yaml": `
hosted: { url: "http://h:1", ${three} }
proxy: [{ url: "http://p:1", ${one} }, { name: q, url: "http://q:1", ${two} }, { url: "http://r:1", ${three} }]`,
    });
    await using alone = await folderWith({
      ...secrets,
      "combined-registry.yaml": `hosted: { url: "http://h:1", ${two} }\nproxy: { url: "http://p:1", ${one} }`,
    });
    const fromEnvironment = { username: "robot", password: "from the environment" };

    expect((await load({ folder: listed.path, environment })).router).toEqual({
      hosted: { url: "http://h:1", auth: fromEnvironment },
      proxy: [
        { url: "http://p:1", auth: { username: "robot", password: "from a" } },
        { name: "q", url: "http://q:1", auth: { username: "u", password: "from b" } },
        { url: "http://r:1", auth: fromEnvironment },
      ],
    });
    expect((await load({ folder: alone.path, environment })).router).toEqual({
      hosted: { url: "http://h:1", auth: { username: "u", password: "from b" } },
      proxy: { url: "http://p:1", auth: { username: "robot", password: "from a" } },
    });
  });

  test("certificates and keys of upstreams are read too, for a proxy that stands alone as well", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml": `
hosted: { url: "https://h:1", tls: { caFile: ca.pem, serverName: h.example.com } }
proxy: { url: "https://p:1", tls: { certFile: cert.pem, keyFile: key.pem } }`,
      "ca.pem": `${cert}\n`,
      "cert.pem": `${cert}\r\n`,
      "key.pem": key,
    });
    const { router } = await load({ folder: folder.path });
    expect(router).toEqual({
      hosted: { url: "https://h:1", tls: { ca: cert, serverName: "h.example.com" } },
      proxy: { url: "https://p:1", tls: { cert, key } },
    });
  });

  test("every file is announced before it is read, the configuration's own first", async () => {
    await using folder = await folderWith({
      "combined-registry.yaml": `
hosted: { url: "https://h:1", auth: { username: u, passwordFile: hosted-password }, tls: { caFile: ca.pem } }
proxy: [{ url: "https://p:1", tls: { certFile: cert.pem, keyFile: key.pem } }]`,
    });
    const late: Readonly<Record<string, string>> = {
      "hosted-password": "secret",
      "ca.pem": cert,
      "cert.pem": cert,
      "key.pem": key,
    };
    const announced: string[] = [];
    const beforeRead = async (path: string) => {
      const name = basename(path);
      announced.push(name);
      // Nothing but the configuration is there before.
      await writeFile(path, late[name] ?? (await readFile(path)));
    };
    await load({ folder: folder.path, beforeRead });
    expect([announced[0], [...announced].sort()]).toEqual([
      "combined-registry.yaml",
      ["ca.pem", "cert.pem", "combined-registry.yaml", "hosted-password", "key.pem"],
    ]);
  });
});
