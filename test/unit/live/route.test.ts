import { expect, test } from 'vitest';
import { hrefOf, type Route, routeOf } from '../../../dashboards/web/src/live/route.js';

test('an address leads back to the page it was made for, whatever an id holds', () => {
  const pages: Route[] = [
    { page: 'sweeps' },
    { page: 'fleet' },
    { page: 'sweep', sweepId: 's0123abcd' },
    { page: 'sweep', sweepId: 'a/b#c %' },
  ];
  for (const page of pages) expect(routeOf(hrefOf(page))).toEqual(page);
});

test('an address that means nothing is the list of sweeps', () => {
  for (const hash of ['', '#', '#/', '#/other', '#/sweeps/'])
    expect(routeOf(hash)).toEqual({ page: 'sweeps' });
  expect(routeOf('#/sweeps/%E0%A4%A')).toEqual({ page: 'sweep', sweepId: '%E0%A4%A' });
});
