import { expect, test } from 'vitest';
import { LogHealth } from '../../../coordinator/log/health.js';
import { failure } from '../../../core/errors.js';
import { submitted } from './log-facts.js';

const full = failure('disk-full', 'the disk is full');
const [small, large] = [[submitted('a')], [submitted('b'.repeat(200_000))]];

function heard() {
  const told: string[] = [];
  const health = new LogHealth({
    failed: ({ message }) => told.push(message),
    recovered: (seconds, refused) => told.push(`again after ${seconds} s and ${refused}`),
  });
  return { told, health };
}

test('a log that refuses is told of once, and once when it takes that again', () => {
  const { told, health } = heard();
  health.refused(full, large, 10);
  health.refused(failure('internal', 'the disk is gone'), large, 20);
  expect([health.failure?.message, health.refusedAppends]).toEqual(['the disk is gone', 2]);
  health.took(small, 21);
  expect(health.failure).not.toBeNull();
  health.took(large, 25);
  expect(health.failure).toBeNull();
  health.took(large, 26);
  expect(told).toEqual(['the disk is full', 'again after 15 s and 2']);
  health.refused(full, small, 30);
  expect(health.refusedAppends).toBe(3);
  expect(told).toHaveLength(3);
});

test('a record that no log would take says nothing about this one', () => {
  const { told, health } = heard();
  health.refused(failure('too-large', 'this record is too large'), large, 0);
  expect([health.failure, health.refusedAppends, told]).toEqual([null, 0, []]);
});

test('while nobody writes it is tried every five seconds, with as much as was refused', () => {
  const { told, health } = heard();
  expect(health.due(0)).toBeNull();
  health.refused(full, large, 0);
  health.refused(full, small, 1);
  expect(health.due(5)).toBeNull();
  expect(health.due(6)).toBeGreaterThan(200_000);
  health.tried(full, 6);
  expect([health.due(10), health.refusedAppends]).toEqual([null, 2]);
  expect(health.due(11)).toBeGreaterThan(200_000);
  health.tried(null, 11);
  expect([health.failure, health.due(20)]).toEqual([null, null]);
  expect(told).toEqual(['the disk is full', 'again after 11 s and 2']);
  // A small one is tried with what a result takes.
  health.refused(full, small, 20);
  expect(health.due(30)).toBe(65_536);
});
