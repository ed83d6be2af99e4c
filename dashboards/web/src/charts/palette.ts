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

/** How words in a chart look. @param ink a name in the style sheet */
export const wordStyle = (ink = 'ink', fontSize = 11) => ({ color: colour(ink), fontFamily: FONT, fontSize });

/** What every axis of every chart has in common. */
export function axisStyle() {
  return {
    axisLine: { show: true, lineStyle: { color: colour('line') } },
    axisTick: { show: false },
    axisLabel: wordStyle('quiet'),
    nameTextStyle: wordStyle('ink', 12),
    splitLine: { lineStyle: { color: colour('faint') } },
    minorSplitLine: { show: false },
  };
}

function tooltipStyle() {
  return {
    backgroundColor: colour('raised'),
    borderColor: colour('line'),
    borderWidth: 1,
    padding: [8, 10],
    textStyle: wordStyle('ink', 12),
    extraCssText: 'box-shadow: 0 2px 10px rgb(0 0 0 / 12%); border-radius: 3px;',
    confine: true,
  };
}

/** What every chart begins with. @param grid room around the plot, in pixels. */
export function frameOf(grid: Readonly<Record<'left' | 'right' | 'top' | 'bottom', number>>) {
  return { animation: false, textStyle: { fontFamily: FONT }, grid: { ...grid, containLabel: true } };
}

/**
 * An axis of numbers.
 * @param formatter of its labels
 * @param more of the axis, and of its labels
 */
export function numberAxis(formatter: unknown, more: object = {}, label: object = {}) {
  const { axisLabel, ...style } = axisStyle();
  return {
    ...style,
    type: 'value',
    ...more,
    axisLabel: { ...axisLabel, hideOverlap: true, ...label, formatter },
  };
}

/** How the axis on each side of a plane of points is named: below in its middle, left at its end. */
export function namedOn(side: 'bottom' | 'left', name: string) {
  if (side === 'bottom') return { name, nameLocation: 'middle', nameGap: 30 };
  const nameTextStyle = { ...axisStyle().nameTextStyle, align: 'left', padding: [0, 0, 0, -44] };
  return { name, nameLocation: 'end', nameGap: 10, nameTextStyle };
}

export function legendOf(more: object) {
  return { left: 8, top: 4, itemWidth: 14, itemHeight: 3, textStyle: wordStyle(), ...more };
}

/** A tooltip with a text of each item, or a title and more lines. */
export function itemTooltip<Item>(contentOf: (item: Item) => string | readonly TipLine[]) {
  const formatter = (item: Item) => {
    const content = contentOf(item);
    return typeof content === 'string' ? tipOf([content], '') : tipOf(content);
  };
  return { ...tooltipStyle(), trigger: 'item', formatter };
}

/** A tooltip with a line for each series at a place of the axis. */
export function axisTooltip<Item>(linesOf: (items: readonly Item[]) => readonly string[]) {
  return { ...tooltipStyle(), trigger: 'axis', formatter: (items: Item[]) => tipOf(linesOf(items), '') };
}

/** A line, and its class where that is not the usual one. */
export type TipLine = string | readonly [text: string, className: string];

/**
 * Built from nodes, never from markup: names come from files.
 * @param className of the box; its lines are a title and others then.
 */
function tipOf(lines: readonly TipLine[], className = 'tip'): HTMLElement {
  const box = document.createElement('div');
  box.className = className;
  for (const [i, line] of lines.entries()) {
    const [text, own] = typeof line === 'string' ? [line, i === 0 ? 'tip-title' : 'tip-other'] : line;
    const at = box.appendChild(document.createElement('div'));
    if (className !== '') at.className = own;
    at.textContent = text;
  }
  return box;
}
