/** Scores that somebody else gave to answers, by item. */
export interface OutsideScores {
  /** Names of the columns that hold scores. */
  readonly columns: readonly string[];
  /** How many lines there are. */
  readonly lines: number;
  /**
   * @param rows what the row may be called: number, label, model.
   * @returns scores by column; null = nobody scored it.
   */
  scoresOf(rows: readonly string[], task: string, item: string): Readonly<Record<string, number>> | null;
}

const KEYS = ['row', 'task', 'item'] as const;
const keyOf = (row: string | null, task: string | null, item: string) => JSON.stringify([row, task, item]);

/**
 * Reads JSONL of objects, or CSV with a line of names: `item`, optionally `task` and `row`, and columns of
 * numbers. Other columns are left out.
 * @returns one sentence why it cannot be read: no `item`, no numbers, an item that stands there twice.
 */
export function readOutside(text: string): OutsideScores | string {
  const records = /^\s*\{/.test(text) ? jsonRecords(text) : csvRecords(text);
  if (typeof records === 'string') return records;
  const found = new Map<string, Record<string, number>>();
  const columns = new Set<string>();
  for (const [i, record] of records.entries()) {
    const cell = (name: (typeof KEYS)[number]) => {
      const value = record[name];
      return value === undefined || value === null || value === '' ? null : String(value);
    };
    const item = cell('item');
    if (item === null) return `record ${i + 1} has no item`;
    const scores: Record<string, number> = {};
    for (const [name, value] of Object.entries(record)) {
      if ((KEYS as readonly string[]).includes(name) || value === '' || value === null) continue;
      const number = Number(value);
      if (!Number.isFinite(number)) continue;
      scores[name] = number;
      columns.add(name);
    }
    const key = keyOf(cell('row'), cell('task'), item);
    if (found.has(key)) return `the item ${item} is scored twice (record ${i + 1})`;
    found.set(key, scores);
  }
  if (columns.size === 0) return 'it has no column of numbers';
  return {
    columns: [...columns],
    lines: records.length,
    scoresOf(rows, task, item) {
      for (const row of [...rows, null])
        for (const one of [task, null]) {
          const scores = found.get(keyOf(row, one, item));
          if (scores !== undefined) return scores;
        }
      return null;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function jsonRecords(text: string): Fields[] | string {
  const records: Fields[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return `line ${i + 1} is no object`;
      records.push(value as Fields);
    } catch {
      return `line ${i + 1} is not JSON`;
    }
  }
  return records;
}

/** RFC 4180: fields in quotes may hold commas, line breaks and doubled quotes. */
function csvRecords(text: string): Fields[] | string {
  const lines: string[][] = [[]];
  const FIELD = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  for (const match of text.replace(/^\uFEFF/, '').matchAll(FIELD)) {
    const [whole, field = '', end] = match;
    if (whole === '' && lines.at(-1)!.length === 0) break;
    lines.at(-1)!.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end === '') break;
    if (end !== ',') lines.push([]);
  }
  const [names = [], ...rest] = lines.filter((line) => line.length > 0);
  if (!names.includes('item')) return 'its first line names no column item';
  return rest.map((line) => Object.fromEntries(names.map((name, i) => [name, line[i] ?? ''])));
}
