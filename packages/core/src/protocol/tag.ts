// OCI distribution-spec 1.1, "Pulling manifests".
const grammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether `text` may be the name of a tag. */
export function isTag(text: string): boolean {
  return grammar.test(text);
}
