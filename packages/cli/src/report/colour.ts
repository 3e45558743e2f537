import { styleText } from "node:util";

/** What is to be seen at once. */
export type Shade = "good" | "note" | "bad" | "worse" | "faint" | "strong";

/** Shows text in a shade, or as it is. */
export type Paint = (shade: Shade, text: string) => string;

/** Where a command prints, and how. */
export interface Printer {
  print(text: string): void;
  readonly paint: Paint;
}

const styles = {
  good: "green",
  note: "cyan",
  bad: "yellow",
  worse: "red",
  faint: "dim",
  strong: "bold",
} as const satisfies Record<Shade, Parameters<typeof styleText>[0]>;

/** Whether to use colours: on a terminal, unless FORCE_COLOR, or else NO_COLOR (https://no-color.org), says otherwise, as in Node. */
export function wantsColour(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = environment;
  if (forced !== undefined) {
    return forced !== "0" && forced !== "false";
  }
  return isTerminal && (refused ?? "") === "" && terminal !== "dumb";
}

/** A painter with colours or without. */
export function painter(colours: boolean): Paint {
  // Whether there is a terminal has been found out already.
  return colours
    ? (shade, text) => (text === "" ? text : styleText(styles[shade], text, { validateStream: false }))
    : (_, text) => text;
}
