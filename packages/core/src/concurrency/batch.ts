/**
 * Defers requests and buffered responses to the next `setImmediate`, so that those that arrive in one tick are written back to back.
 * A write wakes the process at the other end unless that is awake already, and on one machine waking costs more than all the rest.
 */
export class TickBatch {
  #end: Promise<void> | undefined;

  /** All callers within one tick continue together, in order. */
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
