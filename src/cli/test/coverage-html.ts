/** Coverage as one page of HTML: each script with its routes, and each line with how often it ran. */
import { type FileCoverage, percent } from './coverage.js';

/** `textOf` gives the script's text; undefined where it has none (a script that a test wrote itself). */
export function coverageHtml(files: readonly FileCoverage[], textOf: (file: string) => string | undefined): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coverage of scripts</title>
<style>${STYLE}</style>
<h1>Coverage of scripts</h1>
<table><tr><th>script</th><th>lines</th><th>routes</th></tr>
${files.map(rowOf).join('\n')}
</table>
${files.map((f, i) => section(f, i, textOf(f.file))).join('\n')}
</html>
`;
}

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#222;background:#fff}
table{border-collapse:collapse}td,th{padding:.1em .8em;text-align:left}
pre{line-height:1.4;overflow-x:auto}.n{color:#777;display:inline-block;width:4em;text-align:right;padding-right:.6em}
.c{display:inline-block;width:4em;text-align:right;padding-right:1em;color:#777}
.ran{background:#e6f4e6}.never{background:#fbe3e3}a{color:inherit}`;

function rowOf({ file, lines, routes }: FileCoverage, i: number): string {
  const ran = lines.filter(([, n]) => n > 0).length;
  const entered = routes.filter((r) => r.count > 0).length;
  return `<tr><td><a href="#f${i}">${escaped(file)}</a></td><td>${percent(ran, lines.length)} (${ran}/${lines.length})</td><td>${entered}/${routes.length}</td></tr>`;
}

function section({ file, routes, lines }: FileCoverage, i: number, text: string | undefined): string {
  const list = routes.map(
    (r) =>
      `<tr class="${r.count > 0 ? 'ran' : 'never'}"><td><a href="#f${i}L${r.line}">${escaped(r.name)}</a></td><td>${r.count > 0 ? `${r.count}x` : 'never'}</td></tr>`,
  );
  const counts = new Map(lines);
  const source = text
    ?.replace(/\n$/, '')
    .split('\n')
    .map((line, n) => lineOf(line, n + 1, i, counts.get(n + 1)));
  return `<h2 id="f${i}">${escaped(file)}</h2>
<table>${list.join('\n')}</table>
<pre>${source?.join('\n') ?? 'The text of this script is in its test.'}</pre>`;
}

function lineOf(line: string, n: number, i: number, count: number | undefined): string {
  const kind = count === undefined ? '' : count > 0 ? ' class="ran"' : ' class="never"';
  return `<span id="f${i}L${n}"${kind}><span class="n">${n}</span><span class="c">${count === undefined ? '' : `${count}x`}</span>${escaped(line)}</span>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
