import basicAuth from "basic-auth";
import { logIn } from "./login.mjs";
import { mayDo } from "./users.mjs";

/**
 * Whether a request may go on to the registries. Browsers have a session of the application's; docker and the like send user
 * and password with each request, once they have been challenged for them.
 */
export async function authorize(request, { access, repository }) {
  const { user, retryAfter } = await userOf(request);
  if (retryAfter !== undefined) {
    return { decision: "throttle", retryAfter, message: "too many wrong passwords" };
  }
  if (user === undefined) {
    return { decision: "challenge", challenge: 'Basic realm="example", charset="UTF-8"' };
  }
  if (!mayDo(user, access)) {
    return { decision: "deny", message: `${user} may not ${access} ${repository ?? "here"}` };
  }
  return { decision: "allow", user };
}

/** Who sends a password says by it who they are, whatever session they have. */
function userOf(request) {
  if (request.headers.authorization === undefined) {
    return { user: request.session.user };
  }
  const { name, pass } = basicAuth(request) ?? {};
  return logIn(request, name, pass);
}
