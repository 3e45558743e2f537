/**
 * The end of a turn of the event loop, when everything that had arrived has been looked at. Requests wait for it, and so do answers
 * that are at hand: they then go on side by side, and what comes of them is written one right after the other. Each write wakes the
 * process at the other end, unless that is awake already, and on one machine waking costs more than all the rest.
 */
export class TickBatch {
  #end: Promise<void> | undefined;

  /** Resolves then; for everybody who waits, in order. */
  next(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
