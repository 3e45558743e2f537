/** What routing has to know of an upstream whose answer it judges. */
export interface Member {
  /** As in the configuration; unique. */
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  /** Hosted alone: whether it judges the client's own credentials. */
  readonly passthrough: boolean;
}

/** What routing has to know of an upstream to decide whether it is asked. */
export interface Candidate extends Member {
  /** Proxies alone: the registry whose content it has, as containerd calls it in `?ns=`. */
  readonly namespace: string | undefined;
  /** Host names that stand for this one registry. */
  readonly hosts: readonly string[];
  /** Whether it may hear of a repository at all. */
  serves(repository: string): boolean;
}
