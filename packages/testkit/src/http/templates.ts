/** The parts of a path that a request fills in. */
export interface PathValues {
  readonly name?: string;
  readonly digest?: string;
  readonly id?: string;
  readonly target?: string;
}

/** A path with its `{...}` filled in. `{project}` and `{repository}` are the first two components of the name. */
export function fill(template: string, values: PathValues): string {
  const { name = "", digest = "", id = "", target = "" } = values;
  const [project = "", repository = project] = name.split("/");
  const known: Readonly<Record<string, string>> = { name, project, repository, digest, id, target };
  return template.replace(/\{(\w+)\}/g, (whole, key: string) => known[key] ?? whole);
}

const patterns: Readonly<Record<string, string>> = {
  name: "(?<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)",
  project: "[^/]+",
  repository: "[^/]+",
  digest: "(?<digest>[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)",
  id: "(?<id>[^/]+)",
};

/** A pattern for the paths that a template makes. */
export function matcherOf(template: string): RegExp {
  const parts = template.split(/\{(\w+)\}/);
  const source = parts.map((part, index) =>
    index % 2 === 1 ? (patterns[part] ?? "[^/]+") : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${source.join("")}$`);
}
