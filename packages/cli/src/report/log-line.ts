import pinoPretty from "pino-pretty";
import { isTable } from "../config/table.ts";

/** Turns a JSON line of the log into a line for people, with its newline. */
export function linePrinter(colours: boolean): (line: string) => string {
  const print = pinoPretty.prettyFactory({
    colorize: colours,
    singleLine: true,
    translateTime: "SYS:HH:MM:ss.l",
  });
  return (line) => print(forPeople(line.replace(/[\x7f-\x9f]/g, (character) => `\\${escaped(character)}`)));
}

/** A request becomes a sentence. Other lines keep their fields, which are few. */
function forPeople(line: string): unknown {
  const parsed: unknown = JSON.parse(line);
  if (!isTable(parsed) || parsed.msg !== "request") {
    return parsed;
  }
  const { level, time, worker, method, path, status, complete, upstream, reason, durationMs, client, user } =
    parsed;
  const who = user === undefined ? client : `${user} at ${client}`;
  const cut = complete === false ? ", not complete" : "";
  return {
    level,
    time,
    ...(worker !== undefined && { worker }),
    msg: `${method} ${path} ${status}${cut} | ${upstream}: ${reason} | ${durationMs} ms, ${who}`.replace(
      controls,
      escaped,
    ),
  };
}

/** Clients and upstreams choose parts of a line, and a terminal would obey them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal.
const controls = /[\x00-\x1f]/g;

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
