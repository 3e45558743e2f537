import { isRepositoryName } from "../protocol/names.ts";

/** Where so many components of a name have been read, and what may follow. */
interface Node {
  /** The earliest entry whose pattern ends here. */
  entry: number | undefined;
  /** By the component as it stands. */
  readonly literal: Map<string, Node>;
  /** By the component with its `*`. */
  readonly wild: WildComponents<Node>;
  /** After `**`: it stays where it is, whatever component follows. */
  deep: Node | undefined;
  readonly isDeep: boolean;
}

/**
 * Patterns over repository names, compiled into one tree: `*` stands for any part of a component, `**` for any number of
 * components, none included (`corp/**` is `corp` and everything below it). What a name costs depends on its components and
 * on the patterns that fit so far, not on how many there are; only of those with a `*` in the middle of a component and the
 * same ends is each one looked at.
 */
export class Patterns {
  readonly #root = newNode(false);
  /** The entry that is for every name and comes before all others, if there is one. */
  readonly #shareable: number | undefined;

  /** @param entries each with its patterns, as `isPattern` allows them */
  constructor(entries: readonly (readonly string[])[]) {
    this.#shareable = entries[0]?.includes("**") === true ? 0 : undefined;
    entries.forEach((patterns, entry) => {
      for (const pattern of patterns) {
        this.#add(pattern, entry);
      }
    });
  }

  /** The first entry that has a pattern for a name. */
  first(name: string): number | undefined {
    return this.#shareable ?? this.#walk(name.split("/"), followersOf);
  }

  /** The first entry with one pattern for everything that `pattern` is for. Several that only do so together are not found. */
  firstCovering(pattern: string): number | undefined {
    return this.#walk(pattern.split("/"), coverersOf);
  }

  #add(pattern: string, entry: number): void {
    let node = this.#root;
    for (const component of pattern.split("/")) {
      node = childFor(node, component);
    }
    node.entry ??= entry;
  }

  #walk(
    components: readonly string[],
    step: (node: Node, component: string) => readonly Node[],
  ): number | undefined {
    let active = withDeep([this.#root]);
    for (const component of components) {
      const next = new Set<Node>();
      for (const node of active) {
        for (const follower of step(node, component)) {
          next.add(follower);
        }
      }
      active = withDeep(next);
    }
    let first: number | undefined;
    for (const { entry } of active) {
      first = entry === undefined ? first : Math.min(entry, first ?? entry);
    }
    return first;
  }
}

/** Whether text is a pattern: components of a name in which `*` may stand, or `**` alone. */
export function isPattern(text: string): boolean {
  return text.length <= 255 && text.split("/").every(isComponent);
}

/** A component that no name can have would make a rule that protects nothing. */
function isComponent(text: string): boolean {
  const isWild = /^[a-z0-9._*-]+$/.test(text) && text.includes("*") && !text.includes("**");
  return text === "**" || isWild || isRepositoryName([text]);
}

function newNode(isDeep: boolean): Node {
  return { entry: undefined, literal: new Map(), wild: new WildComponents(), deep: undefined, isDeep };
}

function childFor(node: Node, component: string): Node {
  if (component === "**") {
    // `**/**` is `**`.
    if (node.isDeep) {
      return node;
    }
    node.deep ??= newNode(true);
    return node.deep;
  }
  if (!component.includes("*")) {
    const child = node.literal.get(component) ?? newNode(false);
    node.literal.set(component, child);
    return child;
  }
  return node.wild.add(component, () => newNode(false));
}

function followersOf(node: Node, component: string): Node[] {
  const followers = node.isDeep ? [node] : [];
  const literal = node.literal.get(component);
  if (literal !== undefined) {
    followers.push(literal);
  }
  return followers.concat(node.wild.matching(component));
}

/**
 * What follows for every component that a pattern's component is for. A `*` in it counts as a letter that only a `*` can stand
 * for, so nothing that follows for it depends on what it stands for; all the more `**`, which may even be none.
 */
function coverersOf(node: Node, component: string): Node[] {
  return component === "**" ? (node.isDeep ? [node] : []) : followersOf(node, component);
}

/** `**` may also stand for no component at all. */
function withDeep(nodes: Iterable<Node>): Set<Node> {
  const all = new Set(nodes);
  for (const node of all) {
    if (node.deep !== undefined) {
      all.add(node.deep);
    }
  }
  return all;
}

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
