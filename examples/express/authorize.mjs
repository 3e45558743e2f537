import basicAuth from "basic-auth";
import { logIn } from "./login.mjs";
import { mayDo } from "./users.mjs";

/**
 * Decides whether a request may reach the registries. Browsers have a session of the application. docker and other clients get a
 * challenge first, and then send user and password with each request.
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

/** Credentials in the request take precedence over a session. */
function userOf(request) {
  if (request.headers.authorization === undefined) {
    return { user: request.session.user };
  }
  const { name, pass } = basicAuth(request) ?? {};
  return logIn(request, name, pass);
}
