/** A component with its `*`, and what it leads to. */
interface Wild<T> {
  /** What stands between the stars, the empty beginning and end included. */
  readonly parts: readonly string[];
  readonly target: T;
}

/** Components that have a beginning and an end of the same lengths. */
interface Shape<T> {
  readonly start: number;
  readonly end: number;
  /** By beginning and end. */
  readonly byEnds: Map<string, Wild<T>[]>;
}

/**
 * Components of patterns in which `*` stands for any part. They are looked up by how they begin and end, so that of a thousand
 * `team-1-*`, `team-2-*`, ... a name is compared with one.
 */
export class WildComponents<T> {
  readonly #shapes = new Map<string, Shape<T>>();
  readonly #targets = new Map<string, T>();

  /** What a component leads to; `make` makes it the first time. */
  add(component: string, make: () => T): T {
    const known = this.#targets.get(component);
    if (known !== undefined) {
      return known;
    }
    const target = make();
    this.#targets.set(component, target);
    this.#index({ parts: component.split("*"), target });
    return target;
  }

  /** What the components lead to that a name's component fits. */
  matching(component: string): T[] {
    const found: T[] = [];
    for (const { start, end, byEnds } of this.#shapes.values()) {
      if (component.length >= start + end) {
        const ends = endsOf(component.slice(0, start), component.slice(component.length - end));
        for (const { parts, target } of byEnds.get(ends) ?? []) {
          if (hasInside(component, parts)) {
            found.push(target);
          }
        }
      }
    }
    return found;
  }

  #index(wild: Wild<T>): void {
    const start = wild.parts[0] ?? "";
    const end = wild.parts.at(-1) ?? "";
    const key = `${start.length} ${end.length}`;
    const shape = this.#shapes.get(key) ?? { start: start.length, end: end.length, byEnds: new Map() };
    this.#shapes.set(key, shape);
    const ends = endsOf(start, end);
    const alike = shape.byEnds.get(ends) ?? [];
    shape.byEnds.set(ends, alike);
    alike.push(wild);
  }
}

function endsOf(start: string, end: string): string {
  return `${start}/${end}`;
}

/** Whether what is between a component's ends has these parts in order; in linear time, unlike a regular expression. */
function hasInside(component: string, parts: readonly string[]): boolean {
  let position = parts[0]?.length ?? 0;
  for (const part of parts.slice(1, -1)) {
    const found = component.indexOf(part, position);
    if (found === -1) {
      return false;
    }
    position = found + part.length;
  }
  return position <= component.length - (parts.at(-1)?.length ?? 0);
}
