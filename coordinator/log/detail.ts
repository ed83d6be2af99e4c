import { settlingValues } from '../../core/metrics/settling.js';
import type { ResultRecord } from '../../core/result/result.js';
import { questionsId } from '../../core/sweep/identity.js';
import { cutFields } from './cut.js';
import type { AskedHead, Detail, EntryAt, Fact, FactHead, LogEntry, ResultHead } from './log.js';

/** @returns the fact without what projections do not ask for. */
export function headOf(fact: FactHead): FactHead {
  if (fact.fact !== 'ResultRecorded') return fact;
  const { trialId, experimentId, sweep, startedAt, endedAt, status, valid, failure } = fact.record;
  const { node, device, warnings, measurements, supersedes } = fact.record;
  const asked = askedOf(fact.record);
  const { engine, engineBuild } = fact.record.environment;
  const record: ResultHead = {
    trialId,
    experimentId,
    ...(supersedes !== undefined && { supersedes }),
    sweep,
    startedAt,
    endedAt,
    status,
    valid,
    node: { name: node.name },
    device: { id: device.id, name: device.name },
    failure: failure && { code: failure.code, message: failure.message },
    warnings: warnings.map(({ code, severity }) => ({ code, severity })),
    environment: {
      ...(engine !== undefined && { engine }),
      ...(engineBuild !== undefined && { engineBuild }),
    },
    ...(asked !== null && { asked }),
    ...(fact.record.rawBody !== undefined && { rawBody: fact.record.rawBody }),
    measurements: Object.fromEntries(
      Object.entries(settlingValues(measurements)).map(([metric, value]) => [metric, { value }]),
    ),
  };
  return { fact: 'ResultRecorded', record };
}

/** @returns what the model of a record was asked by; null where it was asked nothing. */
export function askedOf({ asked, quality }: Pick<ResultHead, 'asked' | 'quality'>): AskedHead | null {
  if (asked !== undefined) return asked;
  if (quality == null) return null;
  return { questions: questionsId(quality.questions), seconds: quality.seconds };
}

/** What is most of a record, and what no table shows. */
type RawPart = Pick<ResultRecord, 'phases' | 'tokenSeconds' | 'samples' | 'given' | 'serving' | 'graph'>;
type RowPart = Omit<ResultRecord, keyof RawPart>;

/** A row is a record whose raw part says nothing. */
const NO_RAW = { phases: [], tokenSeconds: [], samples: [] } as const satisfies RawPart;
const NO_RAW_JSON = JSON.stringify(NO_RAW);

const RAW_KEYS = { phases: 0, tokenSeconds: 0, samples: 0, given: 0, serving: 0, graph: 0 } satisfies Record<
  keyof RawPart,
  0
>;
/** @returns whether a field of a record is of its raw part. */
export const isRaw = (key: string): boolean => Object.hasOwn(RAW_KEYS, key);

function splitRecord(record: ResultRecord): { row: RowPart; raw: RawPart } {
  const { phases, tokenSeconds, samples, given, serving, graph, ...row } = record;
  const raw: RawPart = {
    phases,
    tokenSeconds,
    samples,
    ...(given !== undefined && { given }),
    ...(serving !== undefined && { serving }),
    ...(graph !== undefined && { graph }),
  };
  return { row, raw };
}

/** @returns a fact as JSON. */
export function jsonOf(fact: Fact): string {
  if (fact.fact !== 'ResultRecorded' || fact.json === undefined) return JSON.stringify(fact);
  return `{"fact":"ResultRecorded","record":${fact.json}}`;
}

/** @returns the parts of a fact that are stored apart, as JSON; null for facts that are no results. */
export function partsOf(fact: Fact): [head: string, row: string | null, raw: string | null] {
  const head = JSON.stringify(headOf(fact));
  if (fact.fact !== 'ResultRecorded') return [head, null, null];
  const cut = fact.json === undefined ? null : cutFields(fact.json, isRaw);
  if (cut !== null) return [head, ...cut];
  const { row, raw } = splitRecord(fact.record);
  return [head, JSON.stringify(row), JSON.stringify(raw)];
}

/** @returns the record as JSON out of the JSON of its parts; without the raw part it is a row. */
export function joinJson(row: string, raw: string = NO_RAW_JSON): string {
  return `${row.slice(0, -1)},${raw.slice(1)}`;
}

/** @returns the record of JSON that a log holds. It was checked when it was taken in. */
export function readRecord(json: string): ResultRecord {
  return JSON.parse(json) as ResultRecord;
}

/** @returns an entry for who has the whole fact at hand. */
export function entryOf<D extends Detail>(position: number, fact: Fact, detail: D): EntryAt<D> {
  // TypeScript does not narrow a type parameter by a value.
  return new WholeEntry(position, fact, detail) as EntryAt<D>;
}

class WholeEntry implements LogEntry {
  readonly position: number;
  readonly #fact: Fact;
  readonly #detail: Detail;

  constructor(position: number, fact: Fact, detail: Detail) {
    this.position = position;
    this.#fact = fact;
    this.#detail = detail;
  }

  get head(): FactHead {
    return headOf(this.#fact);
  }

  get fact(): Fact {
    if (this.#fact.fact !== 'ResultRecorded' || this.#detail === 'full') return this.#fact;
    return { fact: 'ResultRecorded', record: { ...splitRecord(this.#fact.record).row, ...emptyRaw() } };
  }

  get recordJson(): string | null {
    const { fact } = this;
    return fact.fact === 'ResultRecorded' ? JSON.stringify(fact.record) : null;
  }
}

function emptyRaw(): RawPart {
  return structuredClone<RawPart>(NO_RAW);
}

/** @returns the fact head that a text holds, or `Damaged` where it holds none. */
export function readHead(text: string): FactHead {
  try {
    const head = JSON.parse(text) as FactHead | null;
    return typeof head?.fact === 'string' ? head : { fact: 'Damaged', reason: 'no fact' };
  } catch (error) {
    return { fact: 'Damaged', reason: `no JSON: ${(error as Error).message}` };
  }
}
