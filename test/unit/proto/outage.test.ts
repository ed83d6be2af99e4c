import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askLeader, streamFromLeader } from '../../../proto/again.js';
import type { Coordinators } from '../../../proto/coordinators.js';
import { WireError } from '../../../proto/errors.js';
import { Outages, type Patience } from '../../../proto/outage.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const AWAY = new WireError('unavailable', 'The log is away.', ['Look at it.'], { passes: true });
const GONE = new WireError('unavailable', 'connect ECONNREFUSED');

/** One coordinator, and what is said of it. */
function asked(seconds: number) {
  const said: string[] = [];
  const patience: Patience = { seconds, say: (sentence) => void said.push(sentence) };
  let listened = 0;
  const outages = new Outages('c:1', patience, () => {
    listened += 1;
  });
  const coordinators: Coordinators = {
    place: async () => ({ address: 'c:1', moved: new AbortController().signal }),
    failed: () => false,
    listen: () => {},
    close: () => {},
  };
  return { said, outages, coordinators, listened: () => listened };
}

/** What comes of work while time goes by. */
async function within<T>(seconds: number, work: Promise<T>): Promise<T | 'still waits'> {
  const outcome = Promise.race([
    work,
    vi.advanceTimersByTimeAsync(1000 * seconds).then(() => 'still waits' as const),
  ]);
  return await outcome;
}

test('a call waits for a log that is away, says so once, and does its work when it is back', async () => {
  const one = asked(300);
  let left = 100;
  const call = askLeader(one, undefined, async () => {
    if (left-- > 0) throw AWAY;
    return 'done';
  });
  expect(await within(99, call)).toBe('still waits');
  expect(one.said).toEqual(['waiting for the coordinator at c:1, 300 s at most: The log is away.']);
  expect(await within(2, call)).toBe('done');
});

test('when patience is over it ends with the newest reason; without patience at once', async () => {
  const later = new WireError('unavailable', 'The log starts up.', [], { passes: true });
  const one = asked(300);
  let tried = 0;
  const call = askLeader(one, undefined, async () => {
    throw ++tried === 1 ? AWAY : later;
  });
  const refused = expect(call).rejects.toBe(later);
  expect(
    await within(
      299,
      call.catch(() => 'ended'),
    ),
  ).toBe('still waits');
  await vi.advanceTimersByTimeAsync(2_000);
  await refused;

  const none = asked(0);
  await expect(askLeader(none, undefined, async () => Promise.reject(AWAY))).rejects.toBe(AWAY);
  expect(none.said).toEqual([]);
});

test('a call that hangs ends by the word of the coordinators, too, and by its own signal', async () => {
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new WireError('cancelled', 'cancelled')));
    });
  const one = asked(10);
  const call = askLeader(one, undefined, (_, signal) => hang(signal));
  const refused = expect(call).rejects.toMatchObject({ message: 'The log is away.', passes: true });
  await vi.advanceTimersByTimeAsync(3_500);
  expect(one.listened()).toBe(1);
  one.outages.noteTrouble('The log is away.');
  await vi.advanceTimersByTimeAsync(11_000);
  await refused;
  expect(one.said).toEqual(['waiting for the coordinator at c:1, 10 s at most: The log is away.']);

  const given = new AbortController();
  const ended = expect(askLeader(one, given.signal, (_, signal) => hang(signal))).rejects.toMatchObject({
    code: 'cancelled',
  });
  await vi.advanceTimersByTimeAsync(100);
  given.abort();
  await ended;
});

test('what takes long without a reason is told, too, and is not ended', async () => {
  const one = asked(5);
  const call = askLeader(
    one,
    undefined,
    () => new Promise((resolve) => setTimeout(() => resolve('done'), 20_000)),
  );
  expect(await within(21, call)).toBe('done');
  expect(one.said).toEqual(['waiting for the coordinator at c:1, 5 s at most: it has not answered yet']);
});

test('nobody was there, ever: that is no outage; one that has answered may come back', async () => {
  const one = asked(300);
  await expect(askLeader(one, undefined, async () => Promise.reject(GONE))).rejects.toBe(GONE);
  await askLeader(one, undefined, async () => 'answered');
  let left = 3;
  const call = askLeader(one, undefined, async () => {
    if (left-- > 0) throw GONE;
    return 'back';
  });
  expect(await within(10, call)).toBe('back');
  expect(one.said).toEqual([
    'waiting for the coordinator at c:1, 300 s at most: no coordinator answers there',
    'the coordinator answers again',
  ]);
});

test('a stream goes on where it was after an outage; each message begins patience anew', async () => {
  const one = asked(10);
  const turns: (readonly (number | WireError)[])[] = [[1, 2, AWAY], [AWAY], [3, AWAY], [AWAY], [4]];
  let opened = 0;
  const open = async function* () {
    const turn = turns[opened++] ?? [];
    for (const message of turn) {
      if (message instanceof WireError) throw message;
      yield message;
    }
  };
  const seen: number[] = [];
  const reading = (async () => {
    for await (const message of streamFromLeader(one, undefined, open)) seen.push(message);
    return 'read';
  })();
  expect(await within(20, reading)).toBe('read');
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(opened).toBe(5);
  expect(one.said.filter((sentence) => sentence === 'the coordinator answers again')).toHaveLength(2);
});
