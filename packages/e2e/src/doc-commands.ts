import { fencedIn, spansIn } from "./doc-pages.ts";

const programs =
  "npm|npx|node|docker|htpasswd|kubectl|systemctl|systemd-analyze|curl|printf|combined-registry|helm|promtool|haproxy";
// With a space, as `docker-registry` and a mere `docker` are the names of things.
const inText = new RegExp(`^(?:${programs}) |^\\.ci/run$`);

/** What a page has people type, in blocks and in the text: a line each, without comments and with single spaces. */
export function commandsIn(page: string): string[] {
  const typed = fencedIn(page).flatMap(({ language, text }) => {
    const lines = text.replaceAll("\\\n", " ").split("\n");
    switch (language) {
      case "sh":
        return lines;
      case "console":
        return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
      default:
        return language === "" ? lines.filter((line) => inText.test(line)) : [];
    }
  });
  const said = spansIn(page).filter((span) => inText.test(span));
  const commands = [...typed, ...said].map((line) =>
    line
      .replace(/(?:^| +)#.*/, "")
      .replace(/ +/g, " ")
      .trim(),
  );
  return [...new Set(commands.filter((command) => command !== ""))];
}
