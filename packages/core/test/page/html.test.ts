import { describe, expect, it } from "@jest/globals";
import { html } from "../../src/page/html.ts";

describe("a template of markup", () => {
  it("takes whatever is put in for text", () => {
    expect(html`<p title="${'"><script>'}">${"<b>'&amp;'</b>"}</p>`.markup).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&#39;&amp;amp;&#39;&lt;/b&gt;</p>',
    );
  });

  it("takes other templates, and lists of them, as they are", () => {
    const rows = ["<1>", "<2>"].map((text) => html`<li>${text}</li>`);

    expect(html`<ul>${rows}</ul>`.markup).toBe("<ul><li>&lt;1&gt;</li><li>&lt;2&gt;</li></ul>");
  });

  it("shows numbers, and nothing for what is not there", () => {
    expect(html`${0}|${undefined}|${[]}|${""}|`.markup).toBe("0||||");
  });
});
