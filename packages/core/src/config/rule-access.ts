import { isRestricted, type Who, type WrittenRule } from "../routing/ruling.ts";
import type { CompleteConfig } from "./complete.ts";
import type { ConfigProblem } from "./config-error.ts";

/** Whether a rule is also for those who do not say who they are. */
export function letsInAnybody({ access }: WrittenRule): boolean {
  return access.pull === "anonymous" || access.push === "anonymous";
}

/** Rules on who may what need somebody who says who a client is. */
export function accessProblems({ rules, authorize, hosted }: CompleteConfig): ConfigProblem[] {
  const expected = (who: Who) => {
    if (hosted.auth === "passthrough") {
      return 'nothing beside hosted.auth "passthrough", with which hosted alone judges its users';
    }
    return authorize === undefined && isRestricted(who)
      ? 'authentication (auth.htpasswdFile, or an authorize function), without which nobody is known, or "anonymous"'
      : undefined;
  };
  return rules.flatMap(({ access }, index) =>
    (["pull", "push"] as const).flatMap((right) => {
      const who = access[right];
      const wanted = who && expected(who);
      return wanted === undefined
        ? []
        : [{ option: `rules[${index}].access.${right}`, expected: wanted, given: JSON.stringify(who) }];
    }),
  );
}
