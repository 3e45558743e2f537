import type { Agents } from "./agents.ts";
import { type Answer, ask } from "./ask.ts";
import { readBounded } from "./bounded-body.ts";
import type { RequestToken, Token } from "./tokens.ts";

const connectTimeout = 5_000;
const answerTimeout = 10_000;
const longestAnswer = 1024 * 1024;
// The specification's default, and the least that it allows ("expires_in").
const shortestLife = 60;

/** Asks token endpoints over the network. One on the upstream's own host gets the upstream's TLS options. */
export function requestTokenOver(agents: Agents, upstream: URL): RequestToken {
  return async (address, authorization) => {
    const agent = address.origin === upstream.origin ? agents.pooled : agents.elsewhere(address);
    const answer = await ask(
      { url: address, agent, connectTimeout, answerTimeout, idle: answerTimeout },
      {
        method: "GET",
        path: address.pathname + address.search,
        headers: authorization === undefined ? [] : ["Authorization", authorization],
        signal: AbortSignal.timeout(connectTimeout + answerTimeout),
      },
    );
    return readToken(answer);
  };
}

async function readToken({ status, body }: Answer): Promise<Token | undefined> {
  const text = await readBounded(body, longestAnswer, answerTimeout);
  if (status !== 200 || text === undefined) {
    return undefined;
  }
  const said: unknown = JSON.parse(text.toString());
  if (typeof said !== "object" || said === null) {
    return undefined;
  }
  const value = ["token", "access_token"].map((key) => Reflect.get(said, key)).find(isToken);
  const seconds: unknown = Reflect.get(said, "expires_in");
  const life = typeof seconds === "number" && seconds > 0 ? seconds : shortestLife;
  return value === undefined ? undefined : { value, lifetime: life * 1000 };
}

/** It is to stand in a header: nothing in it may end the line. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}
