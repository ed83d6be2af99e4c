import type { Measurement, Missing, ResultRecord } from '../core/result/result.js';
import { Commons, TELLING_ROWS } from '../judgement/estimates.js';
import { combineStarts } from '../judgement/trials.js';
import { CompactRecords } from './compact.js';
import { csvFigure, csvFigures, csvPieces, measurementsOf } from './csv.js';
import { IncrementalReport } from './incremental/report.js';
import type { ReportRequest } from './report.js';
import type { Row } from './rows.js';

/** A number, or why there is none, as it stands in the JSON of a record. */
interface FigureText {
  /** null where there is none. */
  readonly value: string | null;
  /** The ends of the 95 % interval; undefined without one. */
  readonly low: string | undefined;
  readonly high: string | undefined;
  /** All of it: JSON of a `Measurement` or a `Missing`. */
  readonly entry: string;
}

interface SplitRecord {
  /** By metric. */
  readonly figures: ReadonlyMap<string, FigureText>;
  /** JSON of the record with no measurements in it. */
  readonly rest: string;
}

const NUMBER = '-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?';
const MAYBE = `(?:null|${NUMBER})`;
const TEXT = '"(?:[^"\\\\]|\\\\.)*"';
const PRESENT =
  `"value":(${NUMBER}),"unit":${TEXT},"n":\\d+,"mean":${NUMBER},"median":${NUMBER},"stddev":${MAYBE},"cv":${MAYBE},` +
  `"ci95":(?:null|\\[(${NUMBER}),(${NUMBER})\\]),"samples":(?:null|\\[[-+.,e\\d]*\\]),"source":(?:null|${TEXT})`;
const MISSING = `"value":null,"unit":${TEXT},"reason":${TEXT}`;
/** One measurement as records are written, with what follows it. */
const ENTRY = new RegExp(`"([^"\\\\]+)":(\\{(?:${PRESENT}|${MISSING})\\})([,}])`, 'y');
/** Inside of a text its quotes would be escaped. */
const BEFORE = '"measurements":{';

/**
 * Reads the figures off the JSON of a record without parsing them, which is most of the work: for tables that
 * write them as they are, of tens of thousands of records.
 * @returns null where the text is not as records are written, which says nothing against it: it has to be
 *   parsed
 */
export function splitFigures(json: string): SplitRecord | null {
  const from = json.indexOf(BEFORE) + BEFORE.length;
  if (from < BEFORE.length) return null;
  const figures = new Map<string, FigureText>();
  let end = ',';
  for (ENTRY.lastIndex = from; end === ','; ) {
    const [, name = '', entry = '', value = null, low, high, last = ''] = ENTRY.exec(json) ?? [];
    if (last === '') return null;
    figures.set(name, { value, low, high, entry });
    end = last;
  }
  return { figures, rest: `${json.slice(0, from)}}${json.slice(ENTRY.lastIndex)}` };
}

type Measurements = Record<string, Measurement | Missing>;

const CHUNK_BYTES = 1 << 20;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Texts as bytes, many to a buffer: a text that was just put together is still its many pieces. */
class Texts {
  #chunk = new Uint8Array(0);
  #used = 0;

  /** @param text of ASCII */
  keep(text: string): Uint8Array {
    if (this.#chunk.length - this.#used < text.length) {
      this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, text.length));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += ENCODER.encodeInto(text, this.#chunk.subarray(from)).written;
    return this.#chunk.subarray(from, this.#used);
  }
}

/**
 * The CSV of records that come one by one: the same text as of a report of all of them. Which rows there are,
 * in which order and on which front is known only after the last, so something of each record has to be kept
 * until then: the end of its line as text, and the little that decides on rows.
 */
export class CsvTable {
  readonly #growing: IncrementalReport;
  readonly #figures = new Map<ResultRecord, Uint8Array>();
  readonly #texts = new Texts();
  readonly #lean: CompactRecords;

  constructor(request: ReportRequest) {
    this.#lean = new CompactRecords(
      [...request.objectives, ...(request.bounds ?? [])].map(({ metric }) => metric),
    );
    this.#growing = new IncrementalReport(request);
  }

  /**
   * Each trial once.
   * @param json of the record
   * @param parse makes a record of its JSON
   */
  add(json: string, parse: (json: string) => ResultRecord): void {
    const split = splitFigures(json);
    const record = split === null ? null : parse(split.rest);
    const apart = record !== null && Object.keys(record.measurements).length === 0;
    if (split === null || record === null || !apart) this.#addWhole(parse(json));
    else {
      const { figures } = split;
      const line = csvFigures((name) => {
        const { value = null, low, high } = figures.get(name) ?? {};
        return value === null ? null : { value, low, high };
      });
      const measurements: Measurements = {};
      for (const name of this.#lean.metrics) {
        const figure = figures.get(name);
        if (figure !== undefined) measurements[name] = JSON.parse(figure.entry);
      }
      record.measurements = measurements;
      this.#keep(record, line);
    }
  }

  /** @returns the text, some lines at a time. */
  pieces(): Generator<string> {
    const report = this.#growing.report();
    const commons = new Commons(report.rows.slice(0, TELLING_ROWS).map((row) => this.#startsOf(row)));
    return csvPieces(report, (row) => combineStarts(this.#startsOf(row), commons));
  }

  #startsOf({ starts }: Row): ResultRecord[] {
    return starts.map((start) => {
      const line = DECODER.decode(this.#figures.get(start));
      return { ...start, measurements: measurementsOf(line) };
    });
  }

  #addWhole(record: ResultRecord): void {
    const { measurements } = record;
    if (record.sweep.purpose !== 'measure') this.#growing.add([record]);
    else
      this.#keep(
        record,
        csvFigures((name) => csvFigure(measurements[name])),
      );
  }

  #keep(record: ResultRecord, line: string): void {
    const lean = this.#lean.compacted(record);
    this.#figures.set(lean, this.#texts.keep(line));
    this.#growing.add([lean]);
  }
}
