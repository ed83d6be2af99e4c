import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventText } from '../../../report/live/event-text.js';
import { forAll } from '../../support/for-all.js';

const STREAM =
  'event: hello\ndata: {"version":"1","position":3,"reset":false}\n\n:\n\nevent: result\nid: 7\ndata: {"sweepId":"s","trialId":"t: 1"}\n\n';

test('events are the same however the stream was cut, and comments are none', () => {
  forAll(100, [fc.array(fc.integer({ min: 0, max: STREAM.length }))], (cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
    const reader = new EventText();
    const events = places.slice(1).flatMap((end, i) => reader.push(STREAM.slice(places[i], end)));
    expect(events).toEqual([
      { event: 'hello', data: { version: '1', position: 3, reset: false }, id: null },
      { event: 'result', data: { sweepId: 's', trialId: 't: 1' }, id: '7' },
    ]);
  });
});

test('an event that is not complete waits', () => {
  expect(new EventText().push('event: hello\ndata: {}\n')).toEqual([]);
});
