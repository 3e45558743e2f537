/** Why a text is no well-formed XML; nothing if it is. Knows elements, attributes and text, which is all a chart has. */
export function flawOf(xml: string): string | undefined {
  const open: string[] = [];
  const rest = xml.replaceAll(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>/g, (tag, end, name, _, empty) => {
    if (end === "/") {
      const last = open.pop();
      return last === name ? "" : `<!-- ${tag} ends ${last} -->`;
    }
    if (empty === "") {
      open.push(name);
    }
    return "";
  });
  const stray = /<[^>]*>?|&(?!(?:amp|lt|gt|quot);)/.exec(rest)?.[0];
  return stray ?? open[0];
}
