/** What routing has to know of an upstream. */
export interface Member {
  /** As in the configuration; unique. */
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  /** Hosted alone: whether it judges the client's own credentials. */
  readonly passthrough: boolean;
}
