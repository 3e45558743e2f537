import type { Candidate } from "../../src/routing/ruling.ts";

/** An upstream as routing sees it. */
export function candidate(
  name: string,
  kind: Candidate["kind"],
  rest: Partial<Omit<Candidate, "name" | "kind">> = {},
): Candidate {
  return { name, kind, passthrough: false, namespace: undefined, hosts: [], serves: () => true, ...rest };
}
