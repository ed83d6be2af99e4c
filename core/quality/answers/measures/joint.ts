import { getOrMake } from '../../../maps.js';
import { scoreEstimate } from '../metrics.js';
import { absentFigure, figure, type Gathering } from './measure.js';

/**
 * Items that several tasks ask about: how many are right (0.5 or more) in each, in all of them, and in one
 * given another, such as an answer and its rationale (CLR-Bench's Q→A and Q→AR).
 */
export function joint(): Gathering {
  const byItem = new Map<string, Map<string, boolean>>();
  const tasks = new Set<string>();
  return {
    add({ record: { task, item, asked }, score }) {
      if (score === null) return;
      tasks.add(task);
      // Of a task that is asked in several ways each way has its items.
      const key = JSON.stringify([item, asked.way]);
      getOrMake(byItem, key, () => new Map()).set(task, score >= 0.5);
    },
    measured() {
      const names = [...tasks];
      const whole = [...byItem.values()].filter((one) => one.size === names.length);
      if (names.length < 2 || whole.length === 0)
        return {
          figures: [absentFigure('right in all', whole.length, 'no item was asked by two tasks of one row')],
          table: null,
        };
      const share = (
        name: string,
        of: readonly Map<string, boolean>[],
        right: (one: Map<string, boolean>) => boolean,
      ) => {
        const estimate = scoreEstimate(of.map((one) => Number(right(one))));
        return figure(name, of.length, estimate?.value ?? null, estimate?.ci95 ?? null);
      };
      return {
        figures: [
          ...names.map((name) => share(`right in ${name}`, whole, (one) => one.get(name)!)),
          share('right in all', whole, (one) => names.every((name) => one.get(name))),
          share('right in one or more', whole, (one) => names.some((name) => one.get(name))),
          ...names.flatMap((given) =>
            names.flatMap((name) =>
              name === given
                ? []
                : [
                    share(
                      `right in ${name}, of those right in ${given}`,
                      whole.filter((one) => one.get(given)),
                      (one) => one.get(name)!,
                    ),
                  ],
            ),
          ),
        ],
        table: null,
      };
    },
  };
}
