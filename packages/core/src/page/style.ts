/** The page's style sheet. */
export const style = `
:root { color-scheme: light dark; --back: #fff; --raised: #f6f8fa; --text: #1f2328; --faint: #59636e; --line: #d1d9e0;
  --link: #0550ae; --good: #116329; --bad: #b42318; --note: #7d4e00; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --raised: #161b22; --text: #e6edf3; --faint: #9ea7b3; --line: #3d444d;
    --link: #6cb6ff; --good: #56d364; --bad: #ff8a80; --note: #e3b341; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; }
h1 { margin: 0; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: 1rem 0 .25rem; font-size: 1rem; }
p { margin: .25rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.faint { color: var(--faint); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.note { color: var(--note); font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 400; white-space: nowrap; }
.whole { white-space: nowrap; }
tbody th { font-weight: 600; }
form { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem; }
.field { flex: 1 1 16rem; }
label { display: block; }
input[name=image] { width: 100%; }
input, button { min-height: 2.5rem; padding: .25rem .75rem; border: 1px solid var(--faint); border-radius: .375rem;
  background: var(--raised); color: inherit; font: inherit; }
input[type=checkbox] { min-height: 0; }
button { cursor: pointer; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--faint); }
dd { margin: 0; }
.command { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin: .5rem 0; }
.command code { flex: 1 1 16rem; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .375rem;
  background: var(--raised); }
code { font: .875rem/1.5 ui-monospace, monospace; }
footer { margin-top: 2rem; color: var(--faint); font-size: .875rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none; }
@media (max-width: 56rem) {
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  th, td { padding: 0; border: 0; }
  td { position: relative; padding-left: 7rem; }
  td:empty { display: none; }
  td::before { content: attr(data-column); position: absolute; left: 0; color: var(--faint); }
}
`;
