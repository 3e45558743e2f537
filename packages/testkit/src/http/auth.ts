import { randomUUID } from "node:crypto";
import type { Credentials } from "../options.ts";
import type { Context } from "./context.ts";
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
    if (auth !== undefined && !isUser(context, auth)) {
      throw new ProtocolError("UNAUTHORIZED", null, { "WWW-Authenticate": 'Basic realm="testkit"' });
    }
    if (tokens !== undefined) {
      this.#checkToken(context, route);
    }
  }

  /** The token endpoint: grants pulling what exists, and everything to the user. */
  issue(context: Context): Reply {
    const { tokens } = context.options;
    if (tokens === undefined) {
      return { status: 404 };
    }
    const user = tokens.user !== undefined && isUser(context, tokens.user);
    if (context.request.headers.authorization !== undefined && !user) {
      throw new ProtocolError("UNAUTHORIZED", "wrong user or password");
    }
    const wanted = context.query.getAll("scope").flatMap((scopes) => scopes.split(" "));
    const scopes = wanted.flatMap((scope) => granted(context, scope, user));
    const lifetime = tokens.lifetime ?? defaultLifetime;
    const token = randomUUID();
    this.#grants.set(token, { scopes, expires: performance.now() + lifetime * 1000 });
    return json(200, { token, access_token: token, expires_in: lifetime });
  }

  #checkToken(context: Context, route: Route): void {
    const { request, origin, method } = context;
    const grant = this.#grants.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    const challenge = `Bearer realm="${origin}/token",service="testkit"`;
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

function isUser({ request }: Context, { username, password }: Credentials): boolean {
  const expected = Buffer.from(`${username}:${password}`).toString("base64");
  return request.headers.authorization === `Basic ${expected}`;
}
