/**
 * The end of a turn of the event loop, when everything that had arrived has been looked at. Answers that are at hand wait for it,
 * so that they are written one right after the other: each write wakes the process at the other end, unless that is awake already,
 * and on one machine waking costs more than all the rest.
 */
export class EndOfTurn {
  #end: Promise<void> | undefined;

  /** Resolves then; for everybody who waits, in order. */
  reached(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
