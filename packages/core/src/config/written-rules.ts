/** What holds for the repositories that `match` is for. The first rule that matches a name is the name's only rule. */
export interface RuleConfig {
  /**
   * One pattern over repository names, or several: `*` stands for any part of a component, `**` for any number of
   * components, none included. `corp/**` is `corp` and everything below it.
   * @example ["corp/**", "team-*\/app"]
   */
  match: string | readonly string[];

  /**
   * Whom to ask for what they have, in order: `hosted`, `proxy` (every proxy, in order), or an upstream's name. Nobody else
   * hears of the name.
   * @default ["proxy", "hosted"]
   * @example ["hosted"]
   */
  pull?: readonly string[];

  /**
   * Where pushes and deletes go.
   * @default "hosted", or "deny" where `pull` leaves hosted out
   */
  push?: "hosted" | "deny";

  /**
   * Whether the next upstream is asked after one that failed, or the failure is answered.
   * @default "continue"
   */
  onFailure?: "continue" | "stop";

  /**
   * Whether a repository that exists in hosted is hosted's alone: then no proxy is asked for anything of it.
   * @default false
   */
  owned?: boolean;

  /**
   * What is done about a tag that hosted and a proxy have with different digests: nothing, a warning (metric, log, `Warning`
   * header), or the push that would make it one is refused.
   * @default "warn"
   */
  shadow?: "allow" | "warn" | "deny";

  /** Who may. Without it, whoever `authorize` lets. */
  access?: AccessConfig;
}

/**
 * Who may: `"anonymous"` is everybody, `"authenticated"` everybody who has made known who they are, a list is those users.
 * The last two need `authorize` to say who a client is, and none goes with `hosted.auth: "passthrough"`.
 */
export interface AccessConfig {
  /** Manifests, blobs, tags, referrers, and a place in the catalog. @example "anonymous" */
  pull?: "anonymous" | "authenticated" | readonly string[];
  /** Pushes, upload sessions and deletes. @example ["alice", "ci"] */
  push?: "anonymous" | "authenticated" | readonly string[];
}
