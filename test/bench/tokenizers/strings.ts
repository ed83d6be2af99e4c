import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Forty scripts, by blocks of Unicode in which they are written. */
const SCRIPTS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  latin: [[0x41, 0x7a]],
  'latin with marks': [[0xc0, 0x24f]],
  vietnamese: [[0x1ea0, 0x1ef9]],
  greek: [[0x370, 0x3ff]],
  'old greek': [[0x1f00, 0x1fff]],
  cyrillic: [[0x400, 0x4ff]],
  armenian: [[0x531, 0x58a]],
  georgian: [[0x10a0, 0x10ff]],
  hebrew: [[0x5b0, 0x5f4]],
  arabic: [[0x600, 0x6ff]],
  'arabic forms': [[0xfe70, 0xfefc]],
  syriac: [[0x700, 0x74f]],
  thaana: [[0x780, 0x7b1]],
  nko: [[0x7c0, 0x7fa]],
  devanagari: [[0x900, 0x97f]],
  bengali: [[0x980, 0x9fe]],
  gurmukhi: [[0xa01, 0xa76]],
  gujarati: [[0xa81, 0xaf1]],
  oriya: [[0xb01, 0xb77]],
  tamil: [[0xb82, 0xbfa]],
  telugu: [[0xc00, 0xc7f]],
  kannada: [[0xc80, 0xcf2]],
  malayalam: [[0xd00, 0xd7f]],
  sinhala: [[0xd81, 0xdf4]],
  thai: [[0xe01, 0xe5b]],
  lao: [[0xe81, 0xedf]],
  tibetan: [[0xf00, 0xfda]],
  myanmar: [[0x1000, 0x109f]],
  khmer: [[0x1780, 0x17f9]],
  mongolian: [[0x1800, 0x18aa]],
  ethiopic: [[0x1200, 0x137c]],
  cherokee: [[0x13a0, 0x13fd]],
  canadian: [[0x1401, 0x167f]],
  hangul: [[0xac00, 0xd7a3]],
  'hangul letters': [[0x1100, 0x11ff]],
  hiragana: [[0x3041, 0x309f]],
  katakana: [[0x30a0, 0x30ff]],
  bopomofo: [[0x3105, 0x312f]],
  han: [[0x4e00, 0x9fa5]],
  'rare han and gothic': [
    [0x20000, 0x20fff],
    [0x10330, 0x1034a],
  ],
};

const WRITTEN = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const SPACES = [' ', '  ', '   ', '\t', '\n', '\n\n', '\r\n', ' \n ', '\u00a0', '\u3000', '        '];
const EMOJI = ['😀', '👩‍👩‍👧', '🏳️‍🌈', '🇫🇷', '👍🏽', '✅', '❤️', '1️⃣', '🤷🏾‍♀️', '⚙︎'];
const WORDS = [
  "don't",
  "I'VE",
  "we'll",
  "they'Re",
  "it's",
  "l'été",
  'Straße',
  'naïve',
  'o’clock',
  'ABCdef',
  'iPhone',
  'www',
];
const CODE = [
  'for (let i = 0; i < n; ++i) { a[i] += b[i] * 0x1F; }\n',
  'def f(x: int) -> str:\n    return f"{x!r:>10}"  # ok\n',
  '#include <stdio.h>\nint main(void){return 0;}\n',
  "SELECT * FROM t WHERE a >= 10 AND b != 'x';",
  '<a href="https://example.org/?q=1&r=2">link</a>',
  '{"key": [1, 2.5e-3, null, true]}',
  '\\frac{\\partial f}{\\partial x} = \\sum_{i=1}^{n} x_i^2',
  '$ ls -la ~/src | grep \'.ts$\' && echo "$?"\n',
  '\t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}\n',
];
const MARKS = [...'.,;:!?()[]{}<>"\'`~@#$%^&*-_=+/\\|', '...', '--', '::', '“', '”', '—', '…', '。', '、'];

/** A string with what it is of. */
export interface Sample {
  readonly kind: string;
  readonly text: string;
}

/**
 * @returns so many strings; with one seed the same ones. Six of ten are of one script each, as many of each.
 */
export function samples(count: number, seed: number): Sample[] {
  const generator = xoroshiro128plus(seed);
  const below = (limit: number) => uniformInt(generator, 0, limit - 1);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const times = <T>(most: number, make: () => T) => Array.from({ length: 1 + below(most) }, make);
  const alphabets = Object.entries(SCRIPTS).map(([name, blocks]) => ({ name, letters: lettersOf(blocks) }));
  const digits = () => times(9, () => String(below(10))).join('');
  const word = (letters: readonly string[]) => times(10, () => one(letters)).join('');
  const gap = () => (below(4) === 0 ? one(MARKS) : '') + (below(6) === 0 ? one(SPACES) : ' ');
  const phrase = (letters: readonly string[]) =>
    times(8, () => (below(8) === 0 ? digits() : word(letters)) + gap()).join('');
  const mixes: Readonly<Record<string, () => string>> = {
    whitespace: () => times(8, () => one(SPACES) + (below(2) === 0 ? one(WORDS) : '')).join(''),
    digits: () =>
      times(6, () => `${digits()}${one(['', '.', ',', ' ', '-', '/', 'e', '%', '٣', '५'])}`).join(''),
    emoji: () => times(6, () => one(EMOJI) + one(['', ' ', one(WORDS)])).join(''),
    code: () => times(4, () => one(CODE)).join(below(2) === 0 ? '' : '\n'),
    contractions: () => times(8, () => one(WORDS)).join(one([' ', ', ', "'", '\n'])),
    marks: () => times(12, () => one(MARKS)).join(below(2) === 0 ? '' : ' '),
    scripts: () => times(6, () => word(one(alphabets).letters)).join(one(['', ' '])),
    letters: () => times(30, () => one(one(alphabets).letters)).join(''),
  };
  const kinds = Object.entries(mixes);
  return Array.from({ length: count }, (_, i) => {
    if (i % 10 < 6) {
      const { name, letters } = alphabets[(Math.floor(i / 10) * 6 + (i % 10)) % alphabets.length]!;
      return { kind: name, text: phrase(letters) };
    }
    const [kind, make] = kinds[(Math.floor(i / 10) * 4 + (i % 10)) % kinds.length]!;
    return { kind, text: make() };
  });
}

/** How many there are to choose from. */
export const SCRIPT_COUNT = Object.keys(SCRIPTS).length;

function lettersOf(blocks: readonly (readonly [number, number])[]): string[] {
  return blocks.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i)).filter((letter) =>
      WRITTEN.test(letter),
    ),
  );
}
