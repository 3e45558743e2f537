import { createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { run } from "./run.ts";
import { searchPath } from "./search-path.ts";

/** A request for a token. */
export interface TokenAsked {
  readonly method: string;
  /** Undefined for anonymous tokens. */
  readonly user: string | undefined;
  readonly scopes: readonly string[];
  readonly status: number;
}

/**
 * Gives out tokens that CNCF distribution accepts (`auth: token`). Anybody may pull what is under `library/`, the user may do
 * everything.
 */
export interface TokenServer extends AsyncDisposable {
  /** Asked with GET; 405 to anything else. */
  readonly realm: string;
  /** Asked with a form; 405 to anything else. */
  readonly formRealm: string;
  readonly issuer: string;
  /** File with the certificate of the key that signs. */
  readonly certificate: string;
  readonly asked: readonly TokenAsked[];
  /** `Authorization` that permits everything in a repository, for a registry of that service name. */
  authorization(service: string, repository: string): { readonly Authorization: string };
}

interface Signer {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

const issuer = "tokens of the tests";
const lifetime = 300;

/** Starts a token server with a key of its own. */
export async function startTokenServer(
  folder: string,
  user: { readonly username: string; readonly password: string },
): Promise<TokenServer> {
  const signer = await newSigner(folder);
  const asked: TokenAsked[] = [];
  const server = createServer((request, response) => {
    answer(request, response, signer, user).then(
      (one) => asked.push(one),
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the token server has no port");
  }
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    realm: `${origin}/token`,
    formRealm: `${origin}/form`,
    issuer,
    certificate: certificateIn(folder),
    asked,
    authorization: (service, repository) => ({
      Authorization: `Bearer ${tokenFor(signer, service, [`repository:${repository}:pull,push`])}`,
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function newSigner(folder: string): Promise<Signer> {
  const keyFile = join(folder, "token-key.pem");
  const certFile = certificateIn(folder);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  await run("openssl", ["req", "-x509", ...newKey, "-out", certFile, "-subj", "/CN=tokens", "-days", "1"], {
    PATH: searchPath,
  });
  return {
    key: createPrivateKey(await readFile(keyFile)),
    certificate: new X509Certificate(await readFile(certFile)),
  };
}

function certificateIn(folder: string): string {
  return join(folder, "token-cert.pem");
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  signer: Signer,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<TokenAsked> {
  const { method = "", url = "" } = request;
  const { pathname, searchParams } = new URL(url, "http://tokens");
  const isForm = pathname === "/form";
  const fields = isForm ? new URLSearchParams(await text(request)) : searchParams;
  const given = isForm ? `${fields.get("username")}:${fields.get("password")}` : basicIn(request);
  const scopes = fields.getAll("scope").flatMap((all) => all.split(" "));
  const known = given === `${username}:${password}`;
  const status = method !== (isForm ? "POST" : "GET") ? 405 : given === undefined || known ? 200 : 401;
  const token =
    status === 200
      ? tokenFor(signer, fields.get("service") ?? "", known ? scopes : scopes.filter(isPublic))
      : undefined;
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ token, expires_in: lifetime, issued_at: new Date().toISOString() }));
  return { method, user: given?.split(":")[0], scopes, status };
}

function isPublic(scope: string): boolean {
  return /^repository:library\/[^:]+:pull$/.test(scope);
}

function basicIn({ headers }: IncomingMessage): string | undefined {
  const encoded = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString();
}

/** A JWT as distribution's "Token Authentication Implementation" has it, with the certificate in its header. */
function tokenFor({ key, certificate }: Signer, service: string, scopes: readonly string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: "JWT", alg: "ES256", x5c: [certificate.raw.toString("base64")] };
  const claims = {
    iss: issuer,
    sub: "",
    aud: service,
    iat: now,
    nbf: now - 10,
    exp: now + lifetime,
    jti: randomUUID(),
    access: scopes.map(accessOf),
  };
  const signed = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

function accessOf(scope: string): object {
  const [, type, name, actions = ""] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
  return { type, name, actions: actions.split(",") };
}
