/** Where so many components of a name have been read, and what may follow. */
interface Node {
  /** The earliest entry whose pattern ends here. */
  entry: number | undefined;
  /** By the component as it stands. */
  readonly literal: Map<string, Node>;
  /** By the component with its `*`. */
  readonly wild: Map<string, { readonly parts: readonly string[]; readonly node: Node }>;
  /** After `**`: it stays where it is, whatever component follows. */
  deep: Node | undefined;
  readonly isDeep: boolean;
}

/**
 * Patterns over repository names, compiled into one tree: `*` stands for any part of a component, `**` for any number of
 * components, none included (`corp/**` is `corp` and everything below it). What a name costs depends on the
 * name's components and on the patterns that fit so far, not on how many patterns there are.
 */
export class Patterns {
  readonly #root = newNode(false);

  /** @param entries each with its patterns, as `isPattern` allows them */
  constructor(entries: readonly (readonly string[])[]) {
    entries.forEach((patterns, entry) => {
      for (const pattern of patterns) {
        this.#add(pattern, entry);
      }
    });
  }

  /** The first entry that has a pattern for a name. */
  first(name: string): number | undefined {
    return this.#walk(name.split("/"), followersOf);
  }

  /** The first entry that has a pattern for everything that `pattern` is for; not each such entry is found. */
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
  return (
    text.length <= 255 &&
    text.split("/").every((part) => part === "**" || /^(?!.*\*\*)[a-z0-9._*-]+$/.test(part))
  );
}

function newNode(isDeep: boolean): Node {
  return { entry: undefined, literal: new Map(), wild: new Map(), deep: undefined, isDeep };
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
  const child = node.wild.get(component) ?? { parts: component.split("*"), node: newNode(false) };
  node.wild.set(component, child);
  return child.node;
}

/** Whether a component is these parts in order with anything in between; in linear time, unlike a regular expression. */
function fits(component: string, parts: readonly string[]): boolean {
  const start = parts[0] ?? "";
  const end = parts.at(-1) ?? "";
  if (!component.startsWith(start) || !component.endsWith(end)) {
    return false;
  }
  let position = start.length;
  for (const part of parts.slice(1, -1)) {
    const found = component.indexOf(part, position);
    if (found === -1) {
      return false;
    }
    position = found + part.length;
  }
  return position <= component.length - end.length;
}

function followersOf(node: Node, component: string): Node[] {
  const followers = node.isDeep ? [node] : [];
  const literal = node.literal.get(component);
  if (literal !== undefined) {
    followers.push(literal);
  }
  for (const { parts, node: child } of node.wild.values()) {
    if (fits(component, parts)) {
      followers.push(child);
    }
  }
  return followers;
}

/** A component of a pattern is covered by itself, by `*` and by `**`; if it has a `*`, by nothing else for sure. */
function coverersOf(node: Node, component: string): Node[] {
  if (!component.includes("*")) {
    return followersOf(node, component);
  }
  const coverers = node.isDeep ? [node] : [];
  const same = node.wild.get(component);
  const any = node.wild.get("*");
  if (component !== "**" && any !== undefined) {
    coverers.push(any.node);
  }
  if (same !== undefined && same !== any) {
    coverers.push(same.node);
  }
  return coverers;
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
