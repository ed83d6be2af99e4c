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
  const textStyle = { color: colour('ink'), fontFamily: FONT, fontSize: 11 };
  return { left: 8, top: 4, itemWidth: 14, itemHeight: 3, textStyle, ...more };
}

/** A tooltip with a text of each item. */
export function itemTooltip<Item>(textOf: (item: Item) => string) {
  return { ...tooltipStyle(), trigger: 'item', formatter: (item: Item) => tipOf([textOf(item)], '') };
}

/** Built from nodes, never from markup: names come from files. @param className of the box; its lines are a title and others then. */
export function tipOf(lines: readonly string[], className = 'tip'): HTMLElement {
  const box = document.createElement('div');
  box.className = className;
  for (const [i, line] of lines.entries()) {
    const at = box.appendChild(document.createElement('div'));
    if (className !== '') at.className = i === 0 ? 'tip-title' : 'tip-other';
    at.textContent = line;
  }
  return box;
}
