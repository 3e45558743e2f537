import { randomUUID } from "node:crypto";
import type { ErrorAnswer } from "../behaviour.ts";
import type { BasicOptions, Credentials, TokenOptions } from "../options.ts";
import { OwnError } from "./answers.ts";
import { allow, type Context, receiveAll } from "./context.ts";
import { ProtocolError } from "./error.ts";
import { json, type Reply } from "./reply.ts";
import type { Route } from "./route.ts";

interface Grant {
  readonly scopes: readonly string[];
  readonly user: boolean;
  readonly expires: number;
}

/** What the credentials of a request are good for. */
export interface Access {
  /** Whether they are a user's. */
  readonly user: boolean;
  /** Whether they allow pushes to the repository that the request is about. */
  readonly push: boolean;
}

const everybody: Access = { user: false, push: true };
const defaultLifetime = 300;

/** Basic and Bearer authentication, as registries do it. */
export class Authentication {
  readonly #grants = new Map<string, Grant>();
  readonly #former = new Set<string>();
  #password: string | undefined;
  #since = performance.now();

  /** @throws ProtocolError UNAUTHORIZED, with a challenge; OwnError where the registry has words of its own for it */
  check(context: Context, route: Route): Access {
    const { auth, tokens } = context.options;
    if (["token", "storage", "session", "download"].includes(route.kind)) {
      return everybody;
    }
    const basicAccess = auth === undefined ? everybody : this.#checkPassword(context, auth);
    return tokens === undefined ? basicAccess : this.#checkToken(context, route, tokens);
  }

  /** The token endpoint: grants pulling what exists, and everything to the user. */
  async issue(context: Context): Promise<Reply> {
    const { tokens } = context.options;
    if (tokens === undefined) {
      return { status: 404 };
    }
    const { method = "both", lifetime = defaultLifetime, anonymous = true, field = "both" } = tokens;
    allow(context, ...(method === "both" ? ["GET", "POST"] : [method]));
    const { authorization, wanted } = await readTokenRequest(context, tokens.user);
    const user = tokens.user !== undefined && authorization === basic(tokens.user);
    if (!user && (authorization !== undefined || !anonymous)) {
      throw refused(tokens.refusal) ?? new ProtocolError("UNAUTHORIZED", "wrong user or password");
    }
    const scopes = wanted
      .flatMap((scopes) => scopes.split(" "))
      .flatMap((one) => granted(context, one, user));
    const nothing = scopes.length === 0 && (wanted.length > 0 || tokens.withoutScope === false);
    if (!user && nothing && (tokens.refusal !== undefined || tokens.withoutScope === false)) {
      const name = /^repository:(.+):/.exec(wanted[0] ?? "")?.[1];
      throw refused(tokens.refusal, name) ?? new ProtocolError("UNAUTHORIZED", "no scope is named");
    }
    const token = randomUUID();
    this.#grants.set(token, { scopes, user, expires: performance.now() + lifetime * 1000 });
    return json(200, {
      ...(field !== "access_token" && { token }),
      ...(field !== "token" && { access_token: token }),
      expires_in: lifetime,
      issued_at: new Date().toISOString(),
    });
  }

  /** Ends every token, and the password if it has a lifetime. */
  revoke(): void {
    for (const token of this.#grants.keys()) {
      this.#former.add(`Bearer ${token}`);
    }
    this.#grants.clear();
    this.#since = Number.NEGATIVE_INFINITY;
  }

  /** Makes another password valid, for another lifetime. */
  replacePassword(former: Credentials | undefined, password: string): void {
    if (former !== undefined) {
      this.#former.add(basic({ ...former, password: this.#password ?? former.password }));
      this.#former.delete(basic({ ...former, password }));
    }
    this.#password = password;
    this.#since = performance.now();
  }

  #checkPassword({ request, options }: Context, auth: BasicOptions): Access {
    const { authorization } = request.headers;
    const { username, lifetime = Number.POSITIVE_INFINITY, challenge = 'Basic realm="testkit"' } = auth;
    const right = authorization === basic({ username, password: this.#password ?? auth.password });
    const over = Number.isFinite(lifetime) && performance.now() > this.#since + lifetime * 1000;
    if (right && !over) {
      return { user: true, push: true };
    }
    throw (
      (right || this.#former.has(authorization ?? "") ? refused(options.expired) : undefined) ??
      new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": challenge })
    );
  }

  #checkToken(context: Context, route: Route, tokens: TokenOptions): Access {
    const { request, method, options } = context;
    const { authorization = "" } = request.headers;
    const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? "";
    const grant = this.#grants.get(token);
    const valid = grant !== undefined && grant.expires > performance.now();
    if (!valid && options.expired !== undefined && (grant !== undefined || this.#former.has(authorization))) {
      throw new OwnError(options.expired);
    }
    const challenge = `Bearer realm="${realmOf(context, tokens)}",service="${tokens.service ?? "testkit"}"`;
    if (!("repository" in route)) {
      const allowed = valid && !(route.kind === "catalog" && options.catalog === false);
      if (!allowed) {
        const scope = route.kind === "catalog" ? ',scope="registry:catalog:*"' : "";
        throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": challenge + scope });
      }
      return { user: grant.user, push: false };
    }
    const action = method === "DELETE" ? "delete" : method === "GET" || method === "HEAD" ? "pull" : "push";
    if (!valid || !grant.scopes.includes(`${route.repository}:${action}`)) {
      const scope = `,scope="repository:${route.repository}:${action === "push" ? "pull,push" : action}"`;
      const error = valid ? ',error="insufficient_scope"' : "";
      throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": challenge + scope + error });
    }
    return { user: grant.user, push: grant.scopes.includes(`${route.repository}:push`) };
  }
}

function refused(answer: ErrorAnswer | undefined, name = ""): OwnError | undefined {
  return answer && new OwnError(answer, name);
}

function granted({ store }: Context, scope: string, user: boolean): string[] {
  const [, name = "", actions = ""] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  const permitted = actions
    .split(",")
    .filter((action) => user || (action === "pull" && store.get(name) !== undefined));
  return permitted.map((action) => `${name}:${action}`);
}

function realmOf({ options, origin, request, elsewhere }: Context, tokens: TokenOptions): string {
  const { realm = "forwarded", path = "/token" } = tokens;
  const scheme = options.tls === undefined ? "http" : "https";
  switch (realm) {
    case "forwarded":
      return `${origin}${path}`;
    case "own":
      return `${scheme}://${request.headers.host}${path}`;
    case "elsewhere":
      return `${elsewhere}${path}`;
    case "relative":
      return path;
  }
}

/** With GET in query and header, with POST in a form. */
async function readTokenRequest(
  context: Context,
  known: Credentials | undefined,
): Promise<{ authorization: string | undefined; wanted: readonly string[] }> {
  if (context.method === "GET") {
    const { authorization } = context.request.headers;
    return { authorization, wanted: context.query.getAll("scope") };
  }
  const form = new URLSearchParams((await receiveAll(context)).toString());
  const wanted = form.getAll("scope");
  if (form.get("grant_type") === "refresh_token") {
    // A refresh token stands for its user: it is the password that such registries give out.
    const right = known !== undefined && form.get("refresh_token") === known.password;
    return { authorization: right ? basic(known) : "wrong", wanted };
  }
  const [username, password] = [form.get("username"), form.get("password")];
  if (form.get("grant_type") !== "password" || username === null || password === null) {
    throw new ProtocolError("UNAUTHORIZED", "grant_type=password, username and password are needed");
  }
  return { authorization: basic({ username, password }), wanted };
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
