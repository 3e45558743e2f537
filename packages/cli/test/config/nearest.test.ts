import { expect, test } from "@jest/globals";
import { nearest } from "../../src/config/nearest.ts";

const options = ["hosted", "proxy", "host", "port", "logLevel", "metrics", "username"];

test.each([
  ["hostd", "hosted"],
  ["hotsed", "hosted"],
  ["prot", "port"],
  ["proxies", "proxy"],
  ["loglevel", "logLevel"],
  ["log_level", "logLevel"],
  ["metric", "metrics"],
])("%s was probably meant to be %s", (word, meant) => {
  expect(nearest(word, options)).toBe(meant);
});

test.each([["whatever"], ["x"], [""], ["tls"]])("%j resembles nothing", (word) => {
  expect(nearest(word, options)).toBeUndefined();
});
