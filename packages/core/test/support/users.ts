import type { AuthorizeHook, CombinedRegistryConfig, RuleConfig } from "@combined-registry/core";
import { startSides } from "./sides.ts";

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** The `Authorization` of a user, as it should be. */
export const asUser = (user: string) => basic(user, `${user}'s password`);
export const wrongPassword = basic("alice", "a guess");

/** Accepts every user with the password of `asUser`, and challenges requests without one. */
export const users: AuthorizeHook = ({ headers: { authorization } }) => {
  const encoded = /^Basic (\S+)$/.exec(authorization ?? "")?.[1] ?? "";
  const user = Buffer.from(encoded, "base64").toString().split(":")[0] ?? "";
  return user !== "" && authorization === asUser(user) ? { decision: "allow", user } : "challenge";
};

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A router with rules over two registries, all of which end together. */
export async function startRuled(
  rules: readonly RuleConfig[],
  options: Partial<CombinedRegistryConfig> = {},
) {
  const logged: LogLine[] = [];
  const log = (fields: object) => void logged.push({ ...fields });
  const logger = { debug: log, info: log, warn: log, error: log };
  const sides = await startSides({ router: { authorize: users, rules, logger, ...options } });
  return { ...sides, logged };
}
