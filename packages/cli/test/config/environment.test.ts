import { describe, expect, test } from "@jest/globals";
import { folderWith } from "../support/folder.ts";
import { load } from "../support/load.ts";

describe("the environment of the nginx router", () => {
  test.each([
    ["registry-hosted:5000", "http://registry-hosted:5000"],
    ["registry-hosted", "http://registry-hosted"],
    ["https://registry.example.com", "https://registry.example.com"],
    ["http://registry.example.com:5000/path", "http://registry.example.com:5000/path"],
  ])("HOSTED_HOSTNAME=%s means %s", async (name, url) => {
    await using folder = await folderWith();
    const environment = { HOSTED_HOSTNAME: name, PROXY_HOSTNAME: name };
    const { router, warnings } = await load({ environment, folder: folder.path });
    expect(router).toEqual({ hosted: url, proxy: url });
    expect(warnings).toEqual([]);
  });

  test.each([
    ["hosted.example.com", "hosted.example.com"],
    ["Hosted.Example.com:5000", "hosted.example.com"],
    ["https://hosted.example.com/", "hosted.example.com"],
    ["registry_hosted", "registry_hosted"],
  ])("with HOSTED_URL and PROXY_URL the name %s is that of one registry alone", async (name, host) => {
    await using folder = await folderWith();
    const environment = {
      HOSTED_URL: "http://a:5000",
      PROXY_URL: "http://b:5000",
      HOSTED_HOSTNAME: name,
      PROXY_HOSTNAME: "proxy.example.com",
    };
    const { router, warnings } = await load({ environment, folder: folder.path });
    expect(router).toEqual({
      hosted: { url: "http://a:5000", hosts: [host] },
      proxy: { url: "http://b:5000", hosts: ["proxy.example.com"] },
    });
    expect(warnings).toEqual([]);
  });

  test("HOSTED_URL and PROXY_URL alone are all there is", async () => {
    await using folder = await folderWith();
    const environment = { HOSTED_URL: "http://a:5000", PROXY_URL: "http://b:5000" };
    const { router } = await load({ environment, folder: folder.path });
    expect(router).toEqual({ hosted: "http://a:5000", proxy: "http://b:5000" });
  });

  const upstreams = { HOSTED_HOSTNAME: "h", PROXY_HOSTNAME: "p" };
  const fileWithAuth = { "combined-registry.yaml": "auth: { htpasswdFile: users, realm: house }" };
  const users = "--htpasswd=users";
  const nginx = "/etc/nginx/htpasswd";

  test.each([
    ["nothing", {}, [], {}, undefined],
    ["ENABLE_AUTH=true", { ENABLE_AUTH: "true" }, [], {}, nginx],
    ["ENABLE_AUTH=false", { ENABLE_AUTH: "false" }, [], {}, undefined],
    ["HTPASSWD_FILE alone", { HTPASSWD_FILE: "/users" }, [], {}, "/users"],
    [
      "ENABLE_AUTH=true and HTPASSWD_FILE",
      { ENABLE_AUTH: "true", HTPASSWD_FILE: "/users" },
      [],
      {},
      "/users",
    ],
    [
      "ENABLE_AUTH=false and HTPASSWD_FILE",
      { ENABLE_AUTH: "false", HTPASSWD_FILE: "/users" },
      [],
      {},
      undefined,
    ],
    ["a file with auth", {}, [], fileWithAuth, "./users"],
    ["ENABLE_AUTH=true and a file with auth", { ENABLE_AUTH: "true" }, [], fileWithAuth, "./users"],
    ["ENABLE_AUTH=false and a file with auth", { ENABLE_AUTH: "false" }, [], fileWithAuth, undefined],
    ["ENABLE_AUTH=false and --htpasswd", { ENABLE_AUTH: "false" }, [users], {}, "./users"],
    [
      "ENABLE_AUTH=true and a file with a realm alone",
      { ENABLE_AUTH: "true" },
      [],
      { "combined-registry.yaml": "auth: { realm: x }" },
      nginx,
    ],
  ])("%s: the users are in %5$s", async (_what, environment, argv, files, expected) => {
    await using folder = await folderWith(files);
    const { auth } = await load({ argv, environment: { ...upstreams, ...environment }, folder: folder.path });
    expect(auth?.htpasswd.path).toBe(expected?.replace(/^\./, folder.path));
  });

  test("switching configured authentication off is reported", async () => {
    await using folder = await folderWith(fileWithAuth);
    const { warnings } = await load({
      environment: { ...upstreams, ENABLE_AUTH: "false" },
      folder: folder.path,
    });
    expect(warnings).toEqual(["ENABLE_AUTH=false switches off the authentication that is configured"]);
  });

  test.each([
    [{}, {}, "Docker registry login"],
    [{ AGGREGATE_HOSTNAME: "registry.example.com" }, {}, "registry.example.com"],
    [{ AGGREGATE_HOSTNAME: "registry.example.com" }, fileWithAuth, "house"],
  ])("with %j and %j the realm is %s", async (environment, files, realm) => {
    await using folder = await folderWith(files);
    const config = await load({
      environment: { ...upstreams, ENABLE_AUTH: "true", ...environment },
      folder: folder.path,
    });
    expect(config.auth?.realm).toBe(realm);
  });
});
