import { expect, test } from "@jest/globals";
import { docPages, readPage } from "../src/doc-pages.ts";

// Words that hide which upstream, client or part of the router a sentence is about.
const unclear = /\b(?:somebody|nobody|whoever|for\s+want\s+of|has\s+what\s+it\s+has|gone\s+on\s+with)\b/gi;

interface Finding {
  readonly page: string;
  readonly line: number;
  readonly word: string;
}

function unclearWords(page: string, text: string): Finding[] {
  return [...text.matchAll(unclear)].map(({ index, 0: word }) => ({
    page,
    line: text.slice(0, index).split("\n").length,
    word,
  }));
}

test("pages name the upstream, client or user that they mean", () => {
  expect(docPages.flatMap((page) => unclearWords(page, readPage(page)))).toEqual([]);
});

test("a finding has its page and line, even if the words are on two lines", () => {
  const text = "First line.\nWhoever asks\nhas what\nit has.\n";
  expect(unclearWords("a.md", text)).toEqual([
    { page: "a.md", line: 2, word: "Whoever" },
    { page: "a.md", line: 3, word: "has what\nit has" },
  ]);
});
