import { styleText } from "node:util";

export type Shade = "good" | "note" | "bad" | "worse" | "faint" | "strong";

/** Returns the text with the colour of a shade, or unchanged. */
export type Paint = (shade: Shade, text: string) => string;

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

export function painter(colours: boolean): Paint {
  // Without `validateStream`, since `wantsColour` has already decided.
  return colours
    ? (shade, text) => (text === "" ? text : styleText(styles[shade], text, { validateStream: false }))
    : (_, text) => text;
}
