import { describe, expect, test } from 'vitest';
import type { Lease } from '../../../core/experiment/lease.js';
import type { QualityRecord } from '../../../core/quality/record.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { questionsId } from '../../../core/sweep/identity.js';
import { answeredAgain } from '../../../judgement/answered-again.js';
import { answeringStart, startsOf } from '../../../judgement/trials.js';
import { aNode, aRecord, crashed } from '../../support/wire-records.js';
import { aView, Simulation, status, type ViewChange } from './simulation.js';

/** What one task was asked and scored by, in one digit each. */
function questions(asking: number, scoring: number): QualityRecord['questions'] {
  const digest = (digit: number) => `sha256:${String(digit).repeat(64)}`;
  return [{ task: 'exam', asking: digest(asking), scoring: digest(scoring) }];
}

function quality(asked: QualityRecord['questions']): QualityRecord {
  return {
    text: null,
    tasks: [],
    textDigest: null,
    taskDigests: [],
    questions: asked,
    warnings: [],
    seconds: 2,
    reused: false,
  };
}

const FIRST = questions(1, 1);
const OTHER_KEY = questions(1, 2);

/** An agent whose files say what is asked, and a coordinator that knows what it measured. */
class Asking {
  readonly sim = new Simulation();
  readonly leases: Lease[] = [];
  files = FIRST;
  failing = false;

  constructor(change: ViewChange = {}) {
    this.submit('s1', change);
    this.sim.join();
  }

  submit(sweepId: string, change: ViewChange = {}): void {
    this.sim.submit({ ...aView({ count: 3, sweepId, ...change }), asksQuality: true });
  }

  /** The same sweep is submitted again. */
  again(sweepId = 's1'): void {
    this.sim.send({ event: 'questions-doubted', sweepId });
  }

  /** @returns what was leased until nothing was left: `position purpose`. */
  run(): string[] {
    const from = this.leases.length;
    // What is taken over is written down first: whoever asks then asks once more.
    const ask = () => this.sim.ask() ?? this.sim.ask();
    for (let lease = ask(); lease !== null; lease = ask()) {
      this.leases.push(lease);
      if (this.leases.length > 100) throw new Error('endless');
      this.report(lease);
    }
    return this.leases.slice(from).map(({ position, purpose }) => `${position} ${purpose}`);
  }

  report(lease: Lease): void {
    const ending = this.failing && lease.purpose === 'quality' ? { failure: crashed } : {};
    const record = aRecord(lease, aNode(), ending);
    const asked: ResultRecord = {
      ...record,
      quality: record.status === 'failed' ? null : quality(this.files),
      ...(lease.kept !== undefined && { supersedes: lease.kept.trialId }),
    };
    if (lease.kept === undefined) return void this.sim.report(asked);
    const measured = this.recorded(lease.kept.trialId);
    const answered = answeredAgain(measured, asked);
    const place = { ...asked.sweep, purpose: 'measure' as const };
    this.sim.send({
      event: 'reported',
      at: '',
      record: asked,
      answered: answered === measured ? null : { ...answered, sweep: place },
    });
  }

  get records(): ResultRecord[] {
    return this.sim.log.flatMap((fact) => (fact.fact === 'ResultRecorded' ? [fact.record] : []));
  }

  recorded(trialId: string): ResultRecord {
    return this.records.find((record) => record.trialId === trialId)!;
  }

  /** What the rows of a sweep were asked and scored by. */
  rows(sweepId = 's1'): (string | null)[] {
    const { count } = this.sim.views.get(sweepId)!;
    const id = (position: number) => this.sim.views.get(sweepId)!.experimentAt(position, null).id;
    return Array.from({ length: count }, (_, position) => {
      const starts = startsOf(this.records.filter((record) => record.experimentId === id(position)));
      const asked = answeringStart(starts).quality?.questions;
      return asked === undefined ? null : questionsId(asked);
    });
  }

  get stale(): number[] {
    return [...this.sim.state.sweeps.values()].flatMap(({ queues }) =>
      [...queues.values()].flatMap(({ stale }) => [...stale]),
    );
  }
}

const thrice = <T>(value: T) => [value, value, value];

describe('a sweep whose questions may have changed', () => {
  test('is looked at by one point, and stays as it is where they have not', () => {
    const asking = new Asking();
    expect(asking.run().map((one) => one.split(' ')[1])).toEqual(thrice('measure'));
    asking.again();
    expect(status(asking.sim).state).toBe('running');
    expect(asking.run()).toHaveLength(1);
    expect(asking.leases.at(-1)).toMatchObject({
      purpose: 'quality',
      kept: { questions: questionsId(FIRST) },
    });
    expect([status(asking.sim).state, asking.records.length, asking.stale]).toEqual(['done', 3, []]);
  });

  test('is not complete before what came of the comparison is written', () => {
    const asking = new Asking();
    asking.run();
    asking.files = OTHER_KEY;
    asking.again();
    asking.sim.diskFull = true;
    asking.report(asking.sim.ask()!);
    expect(status(asking.sim).state).toBe('running');
  });

  test('has every point asked again once, and none measured again; a restart knows what is done', () => {
    const asking = new Asking({ startsPolicy: { starts: 2 } });
    asking.run();
    asking.files = OTHER_KEY;
    asking.again();
    expect(asking.run().map((one) => one.split(' ')[1])).toEqual(thrice('quality'));
    expect(asking.rows()).toEqual(thrice(questionsId(OTHER_KEY)));
    expect(status(asking.sim)).toMatchObject({ state: 'done', complete: 3 });
    const before = asking.sim.durable();
    asking.sim.restart();
    asking.sim.join();
    expect(asking.sim.durable()).toEqual(before);
    expect([asking.run(), asking.stale]).toEqual([[], []]);
    const again = asking.records.filter(({ supersedes }) => supersedes !== undefined);
    expect(again.map(({ quality: found }) => found?.again?.changes)).toEqual(
      thrice([
        {
          task: 'exam',
          todo: 'ask again',
          reason: 'the key, the scorers or a judge of exam changed, and its answers are kept no more',
        },
      ]),
    );
  });

  test('that takes over results of another one compares them, too', () => {
    const asking = new Asking();
    asking.run();
    asking.files = OTHER_KEY;
    asking.submit('s2');
    expect(asking.run().map((one) => one.split(' ')[1])).toEqual(thrice('quality'));
    expect(asking.rows('s2')).toEqual(thrice(questionsId(OTHER_KEY)));
    // A third one takes over what was scored last, once.
    asking.submit('s3');
    expect(asking.run()).toHaveLength(1);
    const taken = asking.sim.log.filter((fact) => fact.fact === 'ResultReused' && fact.sweepId === 's3');
    expect(taken).toHaveLength(3);
  });

  test('loses no number of its own where asking again fails, and shows no answer to other questions', () => {
    const asking = new Asking({ retries: 1 });
    asking.run();
    asking.files = OTHER_KEY;
    asking.failing = true;
    asking.again();
    expect(asking.run().map((one) => one.split(' ')[1])).toEqual(['quality', 'quality']);
    expect(status(asking.sim)).toMatchObject({ state: 'done', complete: 3, failed: 0 });
    expect(asking.rows().filter((one) => one === null)).toHaveLength(1);
    const lost = asking.records.at(-1)!;
    expect([lost.quality, lost.absent.quality, lost.measurements.decodeTokensPerSecond?.value]).toEqual([
      null,
      expect.stringContaining('asking again failed'),
      100,
    ]);
    // The same once more asks all of them.
    asking.failing = false;
    asking.again();
    asking.run();
    expect(asking.rows()).toEqual(thrice(questionsId(OTHER_KEY)));
  });

  test('gets a point back whose node was lost, or whose answers could not be written', () => {
    const asking = new Asking();
    asking.run();
    asking.files = OTHER_KEY;
    asking.again();
    expect(asking.sim.ask()?.purpose).toBe('quality');
    asking.sim.tick(31);
    expect(asking.stale).toHaveLength(1);
    expect(asking.run()).toHaveLength(3);
    expect(asking.rows()).toEqual(thrice(questionsId(OTHER_KEY)));
  });

  test('takes new answers from nobody who was leased something else', () => {
    const asking = new Asking();
    asking.run();
    const [first] = asking.records;
    asking.submit('s4', { prefix: 'y' });
    const lease = asking.sim.ask()!;
    const forged = { ...aRecord(lease), supersedes: first!.trialId };
    expect(asking.sim.report(forged)).toContainEqual(
      expect.objectContaining({ command: 'refuse', reason: expect.stringContaining('takes the place') }),
    );
    expect(asking.sim.state.superseded.size).toBe(0);
  });
});
