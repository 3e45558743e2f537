import { isRepositoryName } from "../protocol/names.ts";

/** A node of the tree of patterns; each edge is one component. */
interface Node {
  /** The first entry with a pattern that ends here. */
  entry: number | undefined;
  readonly literal: Map<string, Node>;
  readonly wild: WildComponents<Node>;
  deep: Node | undefined;
  readonly isDeep: boolean;
}

/**
 * Patterns over repository names, compiled into one tree: `*` stands for any part of a component, `**` for any number of
 * components, none included (`corp/**` is `corp` and everything below it). A name costs the same with one pattern and with
 * thousands: a catalog has thousands of names, and a cache does not help the first time. Only patterns whose components begin and
 * end alike (`a*b*c`, `a*d*c`) are compared one by one.
 */
export class Patterns {
  readonly #root = newNode(false);
  /** 0 if the first entry matches every name. */
  readonly #firstForAll: number | undefined;

  /** @param entries the patterns of each; `isPattern` holds for all */
  constructor(entries: readonly (readonly string[])[]) {
    this.#firstForAll = entries[0]?.includes("**") === true ? 0 : undefined;
    for (const [entry, patterns] of entries.entries()) {
      for (const pattern of patterns) {
        let node = this.#root;
        for (const component of pattern.split("/")) {
          node = childFor(node, component);
        }
        node.entry ??= entry;
      }
    }
  }

  first(name: string): number | undefined {
    return this.#firstForAll ?? this.#find(name.split("/"), followersOf);
  }

  /** The first entry with one pattern that matches all names of `pattern`. Several patterns that do so together do not count. */
  firstCovering(pattern: string): number | undefined {
    return this.#find(pattern.split("/"), coverersOf);
  }

  #find(
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

/** Refuses a component that no name can have: such a rule would protect nothing. */
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
 * A `*` in the component of a pattern counts as a letter that no name has, so that only a `*` can match it. Only `**` matches `**`,
 * because that may stand for no component at all.
 */
function coverersOf(node: Node, component: string): Node[] {
  return component === "**" ? (node.isDeep ? [node] : []) : followersOf(node, component);
}

/** Adds the nodes after `**`, which may stand for no component. */
function withDeep(nodes: Iterable<Node>): Set<Node> {
  const all = new Set(nodes);
  for (const node of all) {
    if (node.deep !== undefined) {
      all.add(node.deep);
    }
  }
  return all;
}

interface Wild<T> {
  /** The text before, between and after the stars; may be empty. */
  readonly parts: readonly string[];
  readonly target: T;
}

/** Components with equally long texts before the first star and after the last one. */
interface Shape<T> {
  readonly start: number;
  readonly end: number;
  /** By both texts. */
  readonly byEnds: Map<string, Wild<T>[]>;
}

/**
 * Components with `*`, indexed by their beginning and end: of a thousand `team-1-*`, `team-2-*`, ... a name is compared with one.
 * Measured without the index, a name costs five times as much with a thousand patterns, and forty times with ten thousand.
 */
class WildComponents<T> {
  readonly #shapes = new Map<string, Shape<T>>();
  readonly #targets = new Map<string, T>();

  add(component: string, make: () => T): T {
    const existing = this.#targets.get(component);
    if (existing !== undefined) {
      return existing;
    }
    const target = make();
    this.#targets.set(component, target);
    this.#index({ parts: component.split("*"), target });
    return target;
  }

  matching(component: string): T[] {
    const found: T[] = [];
    for (const { start, end, byEnds } of this.#shapes.values()) {
      if (component.length >= start + end) {
        const ends = `${component.slice(0, start)}/${component.slice(component.length - end)}`;
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
    const ends = `${start}/${end}`;
    const alike = shape.byEnds.get(ends) ?? [];
    shape.byEnds.set(ends, alike);
    alike.push(wild);
  }
}

/** Whether the inner parts follow in order between the ends. Does not backtrack, unlike a regular expression. */
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
