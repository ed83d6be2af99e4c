/**
 * Series colours that stay apart for most kinds of colour vision (Okabe and Ito), and one set of greys for
 * print and screen.
 */
export const SERIES = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#7a5195',
  '#4d4d4d',
];
export const INK = '#1c2126';
const QUIET = '#5b6570';
export const LINE = '#9aa4ae';
const FAINT = '#e6e9ec';

/** Names without blanks: the chart library writes them into SVG attributes as they are. */
export const FONT = 'system-ui,-apple-system,Roboto,sans-serif';

/** What every axis has in common. */
export const AXIS = {
  nameLocation: 'middle',
  axisLine: { show: true, lineStyle: { color: LINE } },
  axisTick: { show: false },
  axisLabel: { color: QUIET, fontFamily: FONT, fontSize: 11 },
  nameTextStyle: { color: INK, fontFamily: FONT, fontSize: 12 },
  splitLine: { show: true, lineStyle: { color: FAINT } },
  minorSplitLine: { show: false },
} as const;

export const title = (text: string) => ({
  text,
  left: 12,
  top: 8,
  textStyle: { color: INK, fontFamily: FONT, fontSize: 14, fontWeight: 600 },
});

/** Words in a chart. */
export const SMALL = { color: INK, fontFamily: FONT, fontSize: 11 } as const;

export const LEGEND = {
  left: 12,
  top: 32,
  itemGap: 22,
  itemWidth: 10,
  itemHeight: 10,
  textStyle: SMALL,
} as const;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** `1 T`, `300 G`: a tick with its prefix. */
export function tick(value: number): string {
  if (value === 0) return '0';
  const step = Math.min(PREFIXES.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-9)));
  const number = Number((value / 1000 ** step).toPrecision(3));
  return step === 0 ? String(number) : `${number} ${PREFIXES[step]}`;
}
