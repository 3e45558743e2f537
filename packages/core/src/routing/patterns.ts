import { isRepositoryName } from "../protocol/names.ts";

/** A place in the tree: the components read so far lead here. */
interface Node {
  /** The first entry with a pattern that ends here. */
  entry: number | undefined;
  /** By component without `*`. */
  readonly literal: Map<string, Node>;
  /** By component with `*`. */
  readonly wild: WildComponents<Node>;
  /** After `**`. Such a node is its own follower, for any component. */
  deep: Node | undefined;
  readonly isDeep: boolean;
}

/**
 * Patterns over repository names, compiled into one tree: `*` stands for any part of a component, `**` for any number of
 * components, also none (`corp/**` is `corp` and everything below it). A name costs the same with one pattern and with thousands:
 * a catalog has thousands of names, and no cache helps at the first look at each. Only patterns whose components begin and end
 * alike (`a*b*c`, `a*d*c`) are compared one by one.
 */
export class Patterns {
  readonly #root = newNode(false);
  /** 0 if the first entry is for every name. */
  readonly #firstForAll: number | undefined;

  /** @param entries each with its patterns, as `isPattern` allows them */
  constructor(entries: readonly (readonly string[])[]) {
    this.#firstForAll = entries[0]?.includes("**") === true ? 0 : undefined;
    entries.forEach((patterns, entry) => {
      for (const pattern of patterns) {
        this.#add(pattern, entry);
      }
    });
  }

  /** The first entry that has a pattern for a name. */
  first(name: string): number | undefined {
    return this.#firstForAll ?? this.#walk(name.split("/"), followersOf);
  }

  /** The first entry with one pattern for all names of `pattern`. Patterns that only together are for all of them do not count. */
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

/** A component that no name can have is refused: such a rule would protect nothing. */
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
 * The nodes after every component that a pattern's component stands for. A `*` in it is treated as a letter that no name has, so
 * that only a `*` can match it. A `**` is matched only by `**`, because it may stand for no component at all.
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

/** A component with `*`, and what it leads to. */
interface Wild<T> {
  /** The text before, between and after the stars; may be empty. */
  readonly parts: readonly string[];
  readonly target: T;
}

/** Components with as many letters before the first star, and as many after the last one. */
interface Shape<T> {
  readonly start: number;
  readonly end: number;
  /** By both texts. */
  readonly byEnds: Map<string, Wild<T>[]>;
}

/**
 * Components with `*`, found by how they begin and end: of a thousand `team-1-*`, `team-2-*`, ... a name is compared with one.
 * Compared with all of them it would cost five times as much with a thousand patterns, and forty times with ten thousand.
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

  /** What the components that match a name's component lead to. */
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

/** Whether a component has these parts in order between its ends. Never backtracks, as a regular expression would. */
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
