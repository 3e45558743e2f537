import { z } from "zod";

/** A time that somebody waits. */
export const milliseconds = z
  .int("a whole number of milliseconds, at least 1")
  .min(1, "a whole number of milliseconds, at least 1")
  .max(2 ** 31 - 1, "at most 2147483647 milliseconds")
  .meta({ "x-unit": "ms" });
