import { randomUUID } from "node:crypto";
import type { Credentials } from "../options.ts";
import { allow, type Context, receiveAll } from "./context.ts";
import { ProtocolError } from "./error.ts";
import { json, type Reply } from "./reply.ts";
import type { Route } from "./route.ts";

interface Grant {
  readonly scopes: readonly string[];
  readonly expires: number;
}

const defaultLifetime = 300;

/** Basic and Bearer authentication, as registries do it. */
export class Authentication {
  readonly #grants = new Map<string, Grant>();

  /** @throws ProtocolError UNAUTHORIZED, with a challenge */
  check(context: Context, route: Route): void {
    const { auth, tokens } = context.options;
    if (route.kind === "token" || route.kind === "storage") {
      return;
    }
    if (auth !== undefined && context.request.headers.authorization !== basic(auth)) {
      throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": 'Basic realm="testkit"' });
    }
    if (tokens !== undefined) {
      this.#checkToken(context, route);
    }
  }

  /** The token endpoint: grants pulling what exists, and everything to the user. */
  async issue(context: Context): Promise<Reply> {
    const { tokens } = context.options;
    if (tokens === undefined) {
      return { status: 404 };
    }
    const { method = "both", lifetime = defaultLifetime, anonymous = true } = tokens;
    allow(context, ...(method === "both" ? ["GET", "POST"] : [method]));
    const { authorization, wanted } = await readTokenRequest(context);
    const user = tokens.user !== undefined && authorization === basic(tokens.user);
    if (!user && (authorization !== undefined || !anonymous)) {
      throw new ProtocolError("UNAUTHORIZED", "wrong user or password");
    }
    const scopes = wanted
      .flatMap((scopes) => scopes.split(" "))
      .flatMap((one) => granted(context, one, user));
    const token = randomUUID();
    this.#grants.set(token, { scopes, expires: performance.now() + lifetime * 1000 });
    return json(200, {
      token,
      access_token: token,
      expires_in: lifetime,
      issued_at: new Date().toISOString(),
    });
  }

  /** Forgets every token. */
  revoke(): void {
    this.#grants.clear();
  }

  #checkToken(context: Context, route: Route): void {
    const { request, method } = context;
    const grant = this.#grants.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    const challenge = `Bearer realm="${realmOf(context)}",service="testkit"`;
    const known = grant !== undefined && grant.expires > performance.now();
    if (!("repository" in route)) {
      if (!known) {
        throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": challenge });
      }
      return;
    }
    const action = method === "DELETE" ? "delete" : method === "GET" || method === "HEAD" ? "pull" : "push";
    if (!known || !grant.scopes.includes(`${route.repository}:${action}`)) {
      const scope = `,scope="repository:${route.repository}:${action === "push" ? "pull,push" : action}"`;
      const error = known ? ',error="insufficient_scope"' : "";
      throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": challenge + scope + error });
    }
  }
}

function granted({ store }: Context, scope: string, user: boolean): string[] {
  const [, name = "", actions = ""] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  const permitted = actions
    .split(",")
    .filter((action) => user || (action === "pull" && store.get(name) !== undefined));
  return permitted.map((action) => `${name}:${action}`);
}

function realmOf({ options, origin, request }: Context): string {
  if (options.tokens?.realm !== "own") {
    return `${origin}/token`;
  }
  const scheme = options.tls === undefined ? "http" : "https";
  return `${scheme}://${request.headers.host}/token`;
}

/** With GET in query and header, with POST in a form. */
async function readTokenRequest(
  context: Context,
): Promise<{ authorization: string | undefined; wanted: readonly string[] }> {
  if (context.method === "GET") {
    const { authorization } = context.request.headers;
    return { authorization, wanted: context.query.getAll("scope") };
  }
  const form = new URLSearchParams((await receiveAll(context)).toString());
  const [username, password] = [form.get("username"), form.get("password")];
  if (form.get("grant_type") !== "password" || username === null || password === null) {
    throw new ProtocolError("UNAUTHORIZED", "grant_type=password, username and password are needed");
  }
  return { authorization: basic({ username, password }), wanted: form.getAll("scope") };
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
