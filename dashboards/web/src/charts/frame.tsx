import * as echarts from 'echarts/core';
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { csvLines } from '../../../../report/csv.js';
import { Heads } from '../heads.js';
import { dataUrlToBlob, fileName, save, svgToPng } from '../save.js';
import { type Chart, FramedChart } from './chart.js';
import { colour } from './palette.js';

/** What is drawn now, as files of its own. */
interface Picture {
  svg(): Blob;
  /** At twice its size. */
  png(): Promise<Blob>;
}

function ofChart(chart: Chart): Picture {
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  if (chart.getZr().painter.getType() === 'svg') return ofText(chart.renderToSVGString(), width, height);
  return {
    svg() {
      const again = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
      again.setOption(chart.getOption());
      const text = again.renderToSVGString();
      again.dispose();
      return svgFile(text);
    },
    png() {
      const url = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: colour('paper') });
      return Promise.resolve(dataUrlToBlob(url));
    },
  };
}

/** What the page's style gives elements, which a file does not have. */
const STYLED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'opacity',
  'paint-order',
  'text-anchor',
  'font-family',
  'font-size',
  'font-weight',
] as const;

function ofPage(drawn: SVGSVGElement): Picture {
  const copy = drawn.cloneNode(true) as SVGSVGElement;
  const originals = drawn.querySelectorAll<SVGElement>('*');
  for (const [i, element] of copy.querySelectorAll<SVGElement>('*').entries()) {
    const style = getComputedStyle(originals[i]!);
    for (const name of STYLED) element.style.setProperty(name, style.getPropertyValue(name));
  }
  const { width, height } = drawn.getBoundingClientRect();
  return ofText(new XMLSerializer().serializeToString(copy), width, height);
}

function ofText(text: string, width: number, height: number): Picture {
  return {
    svg: () => svgFile(text),
    png: () => svgToPng(text, width, height, colour('paper')),
  };
}

/** With the page's paper behind it, for who looks at it on another one. */
function svgFile(text: string): Blob {
  const paper = `<rect width="100%" height="100%" fill="${colour('paper')}"/>`;
  return new Blob([text.replace(/<svg[^>]*>/, (head) => head + paper)], { type: 'image/svg+xml' });
}

/** What a plot shows, as numbers: base units, at full precision. */
export interface PlotData {
  /** Names that carry their unit, as in the records. */
  readonly head: readonly string[];
  readonly lines: readonly (readonly (string | number | boolean | null)[])[];
}

interface FrameProps {
  /** Of the heading. */
  readonly id: string;
  readonly title: string;
  /** Of the heading; 2 unless it stands below another. */
  readonly level?: 2 | 3;
  /** Besides `plot`. */
  readonly kind?: string;
  readonly note?: string | null;
  /** What files are named after. */
  readonly file: string;
  /**
   * Called when a picture is wanted: what is drawn, where it is no chart; `numbers` = numbers are what is
   * shown.
   */
  readonly drawn?: 'numbers' | (() => SVGSVGElement | null);
  /** Called only when the numbers are wanted. */
  data(): PlotData;
  readonly children: ComponentChildren;
}

/** Lines of the table below a plot; the file has all. */
const MOST_LINES = 200;

/** A plot with its heading, and the ways to take it away or to read it as a table. */
export function PlotFrame(props: FrameProps) {
  const { id, title, level = 2, kind = '', note = null, file, drawn, data, children } = props;
  const Heading = level === 2 ? 'h2' : 'h3';
  const [shown, setShown] = useState(false);
  const chart = useRef<Chart | null>(null);
  const savePicture = async (ending: 'png' | 'svg') => {
    const what = typeof drawn === 'function' ? drawn() : chart.current;
    if (what === null) return;
    const picture = what instanceof SVGSVGElement ? ofPage(what) : ofChart(what);
    save(fileName(file, `.${ending}`), await picture[ending]());
  };
  const saveCsv = () => {
    const { head, lines } = data();
    save(fileName(file, '.csv'), new Blob([csvLines([head, ...lines])], { type: 'text/csv' }));
  };
  return (
    <section class={`plot ${kind}`} aria-labelledby={id}>
      <div class="bar">
        <Heading id={id}>{title}</Heading>
        {note !== null && <p class="quiet">{note}</p>}
        <span class="spring" />
        {drawn !== 'numbers' && (
          <button type="button" class="plain" aria-expanded={shown} onClick={() => setShown(!shown)}>
            {shown ? 'Hide numbers' : 'Numbers'}
          </button>
        )}
        <span class="save">
          <span aria-hidden="true">Save</span>
          <button type="button" class="plain" aria-label="Save CSV" onClick={saveCsv}>
            CSV
          </button>
          {drawn !== 'numbers' &&
            (['png', 'svg'] as const).map((ending) => (
              <button
                key={ending}
                type="button"
                class="plain"
                aria-label={`Save ${ending.toUpperCase()}`}
                onClick={() => void savePicture(ending)}
              >
                {ending.toUpperCase()}
              </button>
            ))}
        </span>
      </div>
      <FramedChart.Provider value={chart}>{children}</FramedChart.Provider>
      {shown && <Numbers data={data()} caption={title} />}
    </section>
  );
}

function Numbers({ data: { head, lines }, caption }: { data: PlotData; caption: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section class="numbers" tabIndex={0} aria-label={`${caption}: numbers`}>
      <table class="figures">
        <caption>
          {lines.length > MOST_LINES
            ? `the first ${MOST_LINES} of ${lines.length} lines; the CSV has all`
            : `${lines.length} lines`}
        </caption>
        <Heads of={head} />
        <tbody>
          {lines.slice(0, MOST_LINES).map((line, i) => (
            <tr key={i}>
              {line.map((cell, k) => (
                <td key={k}>{typeof cell === 'number' ? Number(cell.toPrecision(6)) : String(cell ?? '')}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
