/** Colours live in the style sheet, once per theme; charts ask for them when they draw. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Series colours that stay apart for most kinds of colour vision. */
export const SERIES = 8;

export function series(index: number): string {
  return colour(`c${index % SERIES}`);
}

/** Names without blanks: the chart library writes them into SVG attributes as they are, quotes and all. */
export const FONT = 'system-ui, -apple-system, Roboto, sans-serif';

/** What every axis of every chart has in common. */
export function axisStyle() {
  return {
    axisLine: { show: true, lineStyle: { color: colour('line') } },
    axisTick: { show: false },
    axisLabel: { color: colour('quiet'), fontFamily: FONT, fontSize: 11 },
    nameTextStyle: { color: colour('ink'), fontFamily: FONT, fontSize: 12 },
    splitLine: { lineStyle: { color: colour('faint') } },
    minorSplitLine: { show: false },
  };
}

export function tooltipStyle() {
  return {
    backgroundColor: colour('raised'),
    borderColor: colour('line'),
    borderWidth: 1,
    padding: [8, 10],
    textStyle: { color: colour('ink'), fontFamily: FONT, fontSize: 12 },
    extraCssText: 'box-shadow: 0 2px 10px rgb(0 0 0 / 12%); border-radius: 3px;',
    confine: true,
  };
}
