/** A number, or why there is none, as it stands in the JSON of a record. */
export interface FigureText {
  /** null where there is none. */
  readonly value: string | null;
  /** The ends of the 95 % interval; undefined without one. */
  readonly low: string | undefined;
  readonly high: string | undefined;
  /** All of it: JSON of a `Measurement` or a `Missing`. */
  readonly entry: string;
}

export interface SplitRecord {
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
 * Reads the figures off the JSON of a record without parsing them, which is most of the work: for tables that write them as
 * they are, of tens of thousands of records.
 * @returns null where the text is not as records are written, which says nothing against it: it has to be parsed
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
