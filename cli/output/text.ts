/** Text as a terminal shows it: width in columns, ASCII where UTF-8 is not to be had. */

const ASCII: Readonly<Record<string, string>> = {
  '★': '*',
  '·': '-',
  '±': '+-',
  '…': '...',
  '–': '-',
  '×': 'x',
  '÷': '/',
  '─': '-',
  '└': '`-',
  µ: 'u',
  '°': '',
  '│': '|',
  '█': '#',
  '░': '.',
};

/** @returns the text in ASCII: our own signs by their stand-ins, every other character as `?`. */
export function ascii(text: string): string {
  return [...text].map((c) => (c.charCodeAt(0) < 128 ? c : (ASCII[c] ?? '?'))).join('');
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** @returns how many columns the text takes: two for East Asian wide characters, none for combining marks. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const c of text) columns += COMBINING.test(c) ? 0 : WIDE.test(c) ? 2 : 1;
  return columns;
}

/** @returns the text cut to `columns`, with an ellipsis where something was cut. */
export function cut(text: string, columns: number, ellipsis = '…'): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  const room = columns - columnsOf(ellipsis);
  for (const c of text) {
    if (columnsOf(kept + c) > room) break;
    kept += c;
  }
  return room < 0 ? ellipsis.slice(0, Math.max(0, columns)) : `${kept}${ellipsis}`;
}

/** @returns the words in lines of at most `columns`; `indent` goes before every line but the first. */
export function wrap(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line.trim() !== '' && columnsOf(longer) > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = longer;
  }
  return [...lines, line].map((l) => cut(l, columns));
}
