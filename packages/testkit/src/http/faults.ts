import type { ActiveFault, Fault } from "../options.ts";

/** The faults of a registry that are switched on. */
export class Faults {
  #active: { readonly fault: Fault; hits: number }[] = [];

  /** @throws TypeError unless it has exactly one effect */
  add(fault: Fault): ActiveFault {
    const effects = ["status", "delay", "hang", "reset", "cutAt", "stallAt"].filter((effect) =>
      Reflect.has(fault, effect),
    );
    if (effects.length !== 1) {
      throw new TypeError(
        `a fault has one effect of status, delay, hang, reset, cutAt and stallAt, given ${effects.join(", ") || "none"}`,
      );
    }
    const entry = { fault, hits: 0 };
    this.#active.unshift(entry);
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => {
        this.#active = this.#active.filter((one) => one !== entry);
      },
    };
  }

  clear(): void {
    this.#active = [];
  }

  /** The fault for a request, which counts as hit by it. */
  hit(method: string, url: string): Fault | undefined {
    const entry = this.#active.find(
      ({ fault, hits }) => hits < (fault.times ?? Number.POSITIVE_INFINITY) && fits(fault, method, url),
    );
    if (entry !== undefined) {
      entry.hits += 1;
    }
    return entry?.fault;
  }
}

function fits({ method, path }: Fault, requestMethod: string, url: string): boolean {
  const methods = method === undefined ? [requestMethod] : [method].flat();
  const pathFits =
    path === undefined || (typeof path === "string" ? path === url : new RegExp(path).test(url));
  return methods.includes(requestMethod) && pathFits;
}
