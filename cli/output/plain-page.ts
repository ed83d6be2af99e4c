const STYLE = `
body { font: 14px/1.5 system-ui, -apple-system, Roboto, sans-serif; color: #1c2126; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h1, h2, p { overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem; } h3 { font-size: 1rem; margin-bottom: .25rem; }
p { margin: .25rem 0; color: #5b6570; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #e6e9ec; white-space: nowrap; }
th { font-weight: 600; border-color: #9aa4ae; } th.t, td.t { text-align: left; }
.wide { overflow-x: auto; }
.on-narrow { display: none; }
@media (max-width: 40rem) { .on-wide { display: none; } .on-narrow { display: block; } td.t { white-space: normal; min-width: 7.5rem; } }
`;

/**
 * @param body HTML, whose charts are drawn already.
 * @returns a page without scripts, which fetches nothing.
 */
export function plainPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Ridgepoint</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${body}
</body>
</html>
`;
}

/** A chart in two sizes, of which a page shows the one that its screen can read. */
export const drawnTwice = (wide: string, narrow: string) =>
  `<div class="on-wide">${wide}</div><div class="on-narrow">${narrow}</div>`;

/** @param texts columns that hold words. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts: readonly number[],
): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell, i) => `<${tag}${texts.includes(i) ? ' class="t"' : ''}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table>\n<thead>${line(head, 'th')}</thead>\n<tbody>\n${rows.map((row) => line(row, 'td')).join('\n')}\n</tbody>\n</table></div>`;
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
