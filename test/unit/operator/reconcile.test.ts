import { describe, expect, test } from 'vitest';
import { WITHOUT_ENERGY } from '../../../core/sweep/energy.js';
import type { Job } from '../../../operator/kubernetes/objects.js';
import type { SweepObjectStatus } from '../../../operator/sweep/definition.js';
import { agentJob } from '../../../operator/sweep/job.js';
import { readObject } from '../../../operator/sweep/reading.js';
import { type Action, FINALIZER, type Observed, reconcile } from '../../../operator/sweep/reconcile.js';
import { LONG } from '../../support/cases.js';
import { anObject, DEFAULTS, labelled, seenSweep, World } from './world.js';

const AGENTS = { agents: { replicas: 2 } };

/** Looks and lets time pass until nothing happens any more. */
function settle(world: World, lives?: () => boolean): void {
  for (let quiet = 0, turns = 0; quiet < 4; turns += 1) {
    if (turns > 200) throw new Error(`it does not settle: ${world.steps.join(' ')}`);
    const before = JSON.stringify([world.object, [...world.jobs], world.sweep]);
    world.look(lives);
    world.turn();
    quiet = JSON.stringify([world.object, [...world.jobs], world.sweep]) === before ? quiet + 1 : 0;
  }
}

const condition = (status: SweepObjectStatus | undefined, type: string) =>
  status?.conditions?.find((one) => one.type === type);

const stepsOf = (actions: readonly Action[]) => actions.map(({ step }) => step);

describe('an object from its beginning to its end', () => {
  test('is held, submitted, measured by its agents, and told', () => {
    const world = new World(AGENTS);
    settle(world);
    expect(world.measured).toEqual(['p0', 'p1', 'p2']);
    expect(world.steps.slice(0, 2)).toEqual(['hold', 'submit']);
    expect(world.jobs.size).toBe(0);
    expect(world.object?.status).toMatchObject({ sweepId: 's1', progress: '3/3', observedGeneration: 1 });
    const status = world.object?.status;
    for (const [type, holds, reason] of [
      ['Accepted', 'True', 'Accepted'],
      ['Running', 'False', 'Finished'],
      ['Complete', 'True', 'Finished'],
      ['Degraded', 'False', 'AsExpected'],
    ])
      expect(condition(status, type!)).toMatchObject({ status: holds, reason });
    expect(world.look()).toBe(false);
  });

  test('deleted in the middle, its leases are cancelled first, then its agents go, then it', () => {
    const world = new World(AGENTS);
    for (let i = 0; i < 4; i += 1) {
      world.look();
      world.turn();
    }
    world.delete();
    const before = world.steps.length;
    settle(world);
    expect(world.object).toBeNull();
    expect(world.sweep?.state).toBe('cancelled');
    const steps = world.steps.slice(before).filter((step) => step !== 'tell');
    expect(steps).toEqual(['cancel', 'end-agent', 'end-agent', 'release']);
  });

  test('suspended, what runs is finished before its agents go; taken back, it goes on', () => {
    const world = new World(AGENTS);
    for (let i = 0; i < 4; i += 1) {
      world.look();
      world.turn();
    }
    world.edit({ suspend: true });
    settle(world);
    expect(world.sweep?.state).toBe('paused');
    expect(world.jobs.size).toBe(0);
    expect(world.object?.status?.asked).toBe('suspend');
    world.edit({ suspend: false });
    settle(world);
    expect(world.sweep?.state).toBe('done');
    expect(world.object?.status?.asked).toBeUndefined();
  });

  test('cancelled and taken back, it goes on; what others ask the coordinator for is left as it is', () => {
    const world = new World(AGENTS);
    settle(world, undefined);
    const again = new World(AGENTS);
    for (let i = 0; i < 3; i += 1) again.look();
    again.edit({ cancel: true });
    settle(again);
    expect(again.sweep?.state).toBe('cancelled');
    expect(condition(again.object?.status, 'Running')).toMatchObject({ reason: 'Cancelled' });
    again.edit({ cancel: false });
    settle(again);
    expect(again.sweep?.state).toBe('done');
    const theirs = new World(AGENTS);
    for (let i = 0; i < 3; i += 1) theirs.look();
    theirs.sweep = { ...theirs.sweep!, state: 'paused' };
    settle(theirs);
    expect(theirs.sweep.state).toBe('paused');
    expect(theirs.steps).not.toContain('resume');
  });
});

/** What a person does, and when: by the number of looks. */
const STORIES: Record<string, readonly (readonly [number, (world: World) => void])[]> = {
  'nothing happens': [],
  'it is deleted': [[6, (world) => world.delete()]],
  'it is suspended and goes on': [
    [4, (world) => world.edit({ suspend: true })],
    [14, (world) => world.edit({ suspend: false })],
  ],
  'it is cancelled and goes on': [
    [4, (world) => world.edit({ cancel: true })],
    [14, (world) => world.edit({ cancel: false })],
  ],
  'its agents get another image': [[4, (world) => world.edit({ agents: { replicas: 3, image: 'other:1' } })]],
};

describe('an operator that is killed before and after each step', () => {
  for (const [name, story] of Object.entries(STORIES)) {
    test(`ends where one ends that is not: ${name}`, () => {
      const run = (killedAt: number): World => {
        const world = new World(AGENTS);
        let moments = 0;
        const lives = () => {
          moments += 1;
          return moments - 1 !== killedAt;
        };
        for (let look = 0; look < 26; look += 1) {
          for (const [at, act] of story) if (at === look) act(world);
          const before = moments;
          world.look(lives);
          if (before <= killedAt && killedAt < moments) world.restart();
          world.turn();
        }
        settle(world);
        return world;
      };
      const undisturbed = run(-1);
      const ends = ({ object, jobs, sweep, measured }: World) => ({
        object: object === null ? null : { ...object, status: object.status },
        jobs: [...jobs.keys()],
        state: sweep?.state,
        // How far it came before it was deleted is a matter of time.
        measured: object === null ? null : new Set(measured),
      });
      for (let moment = LONG ? 0 : name.length % 3; moment < 26; moment += LONG ? 1 : 3)
        expect(ends(run(moment)), `${moment}`).toEqual(ends(undisturbed));
    });
  }
});

/** An object that is held and whose sweep runs. */
function running(spec: object = AGENTS, changes: Partial<Observed> = {}): Observed {
  const world = new World(spec);
  const object = anObject(spec, { finalizers: [FINALIZER] });
  const observed = world.observed(object);
  return {
    ...observed,
    sweepId: 's1',
    seen: { ...observed.seen, sweep: seenSweep() },
    ...changes,
  };
}

const jobOf = (observed: Observed, index: number, changes: Partial<Job> = {}): Job => {
  if (!observed.reading.ok) throw new Error('it is wrong');
  const job = agentJob(observed.object, observed.reading.spec.agents!, index, 's1', DEFAULTS);
  return { ...job, metadata: { ...job.metadata, uid: `uid-${index}` }, ...changes };
};

describe('one look', () => {
  test('a wrong sweep says every sentence of the parser, and has no agents', () => {
    const object = anObject(
      { sweep: { spec: { models: 'builtin:tiny', runers: { kind: 'fake' } } } },
      { finalizers: [FINALIZER] },
    );
    const actions = reconcile(new World().observed(object));
    expect(stepsOf(actions)).toEqual(['tell']);
    const told = actions[0] as Extract<Action, { step: 'tell' }>;
    expect(condition(told.status, 'Accepted')).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(condition(told.status, 'Accepted')?.message).toContain('did you mean runners?');
  });

  test('no more agents than points, and none that another object has', () => {
    const actions = reconcile(running({ agents: { replicas: 9 } }));
    const jobs = actions.flatMap((action) => (action.step === 'start-agent' ? [action.job] : []));
    expect(jobs).toHaveLength(3);
    expect(new Set(jobs.map(({ metadata }) => metadata.name)).size).toBe(3);
    expect(jobs.map(labelled)).toEqual(['u1', 'u1', 'u1']);
    expect(Math.max(...jobs.map(({ metadata }) => metadata.name.length))).toBeLessThanOrEqual(57);
  });

  test('with a queue Jobs begin suspended, and an admitted one is left alone', () => {
    const first = running({ agents: { queueName: 'gpus' } });
    const [action] = reconcile(first).filter(({ step }) => step === 'start-agent');
    const { job } = action as Extract<Action, { step: 'start-agent' }>;
    expect(job.spec.suspend).toBe(true);
    expect(job.metadata.labels).toMatchObject({ 'kueue.x-k8s.io/queue-name': 'gpus' });
    const admitted = { ...job, spec: { ...job.spec, suspend: false }, status: { active: 1 } };
    expect(stepsOf(reconcile({ ...first, jobs: [admitted] }))).toEqual(['tell']);
  });

  test('while the coordinator does not answer, agents run on and counts stay', () => {
    const observed = running();
    const status: SweepObjectStatus = { points: 3, complete: 2, progress: '2/3', sweepId: 's1' };
    const actions = reconcile({
      ...observed,
      object: { ...observed.object, status },
      jobs: [jobOf(observed, 0)],
      seen: { ...observed.seen, trouble: 'nobody answers', sweep: null },
    });
    expect(stepsOf(actions)).toEqual(['tell']);
    const told = (actions[0] as Extract<Action, { step: 'tell' }>).status;
    expect(told).toMatchObject({ complete: 2, progress: '2/3', reason: 'nobody answers' });
    expect(condition(told, 'Degraded')).toMatchObject({ status: 'True', reason: 'CoordinatorUnavailable' });
  });

  test('a sweep that the coordinator refuses says why, and nobody keeps devices for it', () => {
    const observed = running();
    const refusal = `spec.search.budget.joules: no row will have a number for it\n${WITHOUT_ENERGY}`;
    const actions = reconcile({
      ...observed,
      jobs: [jobOf(observed, 0)],
      seen: { ...observed.seen, refusal, sweep: null },
    });
    expect(stepsOf(actions)).toEqual(['end-agent', 'tell']);
    const told = (actions[1] as Extract<Action, { step: 'tell' }>).status;
    expect(condition(told, 'Accepted')).toMatchObject({
      status: 'False',
      reason: 'Refused',
      message: refusal,
    });
    expect(told.reason).toBe('spec.search.budget.joules: no row will have a number for it');
    expect(condition(told, 'Running')).toMatchObject({ status: 'False', reason: 'NotAccepted' });
  });

  test('a Job that failed for good is shown with what to do, and not made again in a loop', () => {
    const observed = running({ agents: {} });
    const failed = jobOf(observed, 0, {
      status: { conditions: [{ type: 'Failed', status: 'True', message: 'BackoffLimitExceeded' }] },
    });
    const actions = reconcile({ ...observed, jobs: [failed] });
    expect(stepsOf(actions)).toEqual(['tell']);
    const told = (actions[0] as Extract<Action, { step: 'tell' }>).status;
    expect(condition(told, 'Degraded')?.message).toMatch(/delete the Job/);
  });

  test('a Job of before takes the place of none: it goes first', () => {
    const observed = running({ agents: { image: 'new:2' } });
    const old = jobOf(running({ agents: { image: 'old:1' } }), 0);
    expect(stepsOf(reconcile({ ...observed, jobs: [old] }))).toEqual(['end-agent', 'tell']);
  });

  test('a deleted object leaves a sweep alone that another object asks for, too', () => {
    const observed = running();
    const object = anObject(AGENTS, { finalizers: [FINALIZER], deletionTimestamp: 'now' });
    expect(stepsOf(reconcile({ ...observed, object, others: 'keep' }))).toEqual(['release']);
    expect(stepsOf(reconcile({ ...observed, object }))).toEqual(['cancel']);
  });

  test.each([
    { wanted: { cancel: true }, others: 'none', steps: ['tell', 'cancel'] },
    { wanted: { cancel: true }, others: 'keep', steps: ['tell'] },
    { wanted: { cancel: true }, others: 'run', steps: ['tell'] },
    { wanted: { suspend: true }, others: 'none', steps: ['tell', 'suspend'] },
    { wanted: { suspend: true }, others: 'keep', steps: ['tell', 'suspend'] },
    { wanted: { suspend: true }, others: 'run', steps: ['tell'] },
  ] as const)('$wanted, where others want it to $others', ({ wanted, others, steps }) => {
    const object = anObject(wanted, { finalizers: [FINALIZER] });
    const actions = reconcile({ ...running(), object, reading: readObject(object), others });
    expect(stepsOf(actions)).toEqual(steps);
    const told = actions.find((action) => action.step === 'tell');
    const isLeft = condition(told?.status, 'Running')?.reason === 'WantedByOthers';
    expect(isLeft).toBe(steps.length === 1);
  });

  test('the same document is another sweep in each namespace', () => {
    const idOf = (namespace: string) => {
      const reading = readObject(anObject({}, { namespace }));
      return reading.ok ? reading.sweepId : null;
    };
    expect(new Set(['team-a', 'team-b', 'default'].map(idOf)).size).toBe(3);
    expect(idOf('team-a')).toBe(idOf('team-a'));
  });

  test('namespaces that lead to the same one of the coordinator share a sweep; no other does', () => {
    const namespaces = { staging: 'team-a', 'team-b': 'lab' };
    const placeOf = (namespace: string) => {
      const reading = readObject(anObject({}, { namespace }), namespaces);
      return reading.ok ? [reading.namespace, reading.sweepId] : [];
    };
    expect(placeOf('staging')).toEqual(placeOf('team-a'));
    const others = ['staging', 'team-b', 'team-c', 'constructor'].map(placeOf);
    expect(others.map(([namespace]) => namespace)).toEqual(['team-a', 'lab', 'team-c', 'constructor']);
    expect(new Set(others.map(([, id]) => id)).size).toBe(4);
  });

  test('a sweep that is submitted stays in the namespace that it is in', () => {
    const object = anObject({}, { finalizers: [FINALIZER] });
    const reading = readObject(object, { lab: 'elsewhere' });
    expect(stepsOf(reconcile({ ...running(), object, reading }))).not.toContain('submit');
  });

  test('a deleted object waits for the coordinator, and says how it can go without', () => {
    const observed = running();
    const object = anObject(AGENTS, { finalizers: [FINALIZER], deletionTimestamp: 'now' });
    const seen = { ...observed.seen, trouble: 'nobody answers', sweep: null };
    const actions = reconcile({ ...observed, object, seen });
    expect(stepsOf(actions)).toEqual(['tell']);
    const told = (actions[0] as Extract<Action, { step: 'tell' }>).status;
    expect(condition(told, 'Degraded')?.message).toContain('"finalizers":null');
  });

  test('a status that says the same is not written again, and says when it changed', () => {
    const observed = running({});
    const [first] = reconcile(observed);
    const { status } = first as Extract<Action, { step: 'tell' }>;
    const later = { ...observed, now: '2026-11-30T09:00:00Z', object: { ...observed.object, status } };
    expect(reconcile(later)).toEqual([]);
    const done = {
      ...later,
      seen: { ...later.seen, sweep: seenSweep({ state: 'done', complete: 3, queued: 0 }) },
    };
    const told = (reconcile(done)[0] as Extract<Action, { step: 'tell' }>).status;
    expect(condition(told, 'Complete')?.lastTransitionTime).toBe('2026-11-30T09:00:00Z');
    expect(condition(told, 'Accepted')?.lastTransitionTime).toBe('2026-11-30T00:00:00Z');
  });
});
