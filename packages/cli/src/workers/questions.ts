import type { ManifestChange, MetricsSnapshot } from "@combined-registry/core";
import type { Finding } from "../htpasswd/passwords.ts";
import type { Ended } from "../lifecycle/finish.ts";
import type { Prepared } from "../lifecycle/prepared.ts";

/** A configuration on its way to a worker. */
export interface Parcel {
  /** Without what only the primary needs, and without functions: these cannot be sent. */
  readonly prepared: Prepared;
  /** The script to run for the configuration's `authorize`, if it has one. */
  readonly authorizeIn: string | undefined;
}

/** How a worker begins. */
export interface Beginning {
  /** From 1 on; a worker that takes another's place gets its number. */
  readonly number: number;
  readonly parcel: Parcel;
  /** Under which all workers mark passwords. */
  readonly key: Uint8Array;
}

/** What the primary asks a worker. */
export type ToWorker = {
  /** To listen. The answer is the URL; it fails with a Failure if the address cannot be had. */
  readonly start: { readonly question: Beginning; readonly answer: string };
  /** To make everything of a configuration that can go wrong, and go on by the one of before. */
  readonly prepare: { readonly question: Parcel; readonly answer: unknown };
  /** To go by what it has prepared. */
  readonly use: { readonly question: undefined; readonly answer: unknown };
  /** Of what another worker has found out about a password. */
  readonly hear: { readonly question: Finding; readonly answer: unknown };
  /** Of a manifest that was pushed or deleted through another worker. Answered when it is heeded. */
  readonly hearChange: { readonly question: ManifestChange; readonly answer: unknown };
  /** Whether it stands still. */
  readonly alive: { readonly question: undefined; readonly answer: unknown };
  readonly metrics: { readonly question: undefined; readonly answer: MetricsSnapshot };
  /** To finish what is under way, and then wait for `leave`. */
  readonly finish: {
    readonly question: { readonly delay: number; readonly timeout: number };
    readonly answer: Ended;
  };
  readonly leave: { readonly question: undefined; readonly answer: unknown };
};

/** What a worker asks the primary. */
export type ToPrimary = {
  /** That it hears: what it is told before is lost. */
  readonly hello: { readonly question: undefined; readonly answer: unknown };
  /** The text of `/metrics`. */
  readonly page: { readonly question: undefined; readonly answer: string };
  /** To have all other workers hear of it. */
  readonly tell: { readonly question: Finding; readonly answer: unknown };
  /** Answered when all other workers heed it, but for those that stand still. */
  readonly changed: { readonly question: ManifestChange; readonly answer: unknown };
  /** Answered when it is this worker's turn for a key. */
  readonly enter: { readonly question: string; readonly answer: unknown };
  /** Its turn is over. */
  readonly exit: { readonly question: string; readonly answer: unknown };
};
