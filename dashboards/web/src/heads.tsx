/** A head with the class of its column. */
type Classed = readonly [head: string, kind: string];

/** The row of heads of a table. */
export function Heads({ of }: { of: readonly (string | Classed)[] }) {
  return (
    <thead>
      <tr>
        {of.map((one) => {
          const [head, kind] = typeof one === 'string' ? [one, ''] : one;
          return (
            <th key={head} scope="col" class={kind}>
              {head}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** Of a column of numbers. */
export const numberHead = (head: string): Classed => [head, 'number'];
