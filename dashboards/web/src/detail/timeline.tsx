import type { Phase } from '../../../../core/result/result.js';
import { quantity, tick } from '../../../../report/scale.js';

/** Where the time of a trial went: its phases on one line, in their true lengths. */
export function Timeline({ phases }: { phases: readonly Phase[] }) {
  const end = Math.max(...phases.map((p) => p.endSeconds), 0);
  if (end === 0) return null;
  const names = [...new Set(phases.map((p) => p.name))];
  const total = (name: string) =>
    phases.filter((p) => p.name === name).reduce((sum, p) => sum + p.endSeconds - p.startSeconds, 0);
  return (
    <section>
      <h3>Phases</h3>
      <svg
        class="timeline"
        viewBox="0 0 1000 34"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Phases over ${quantity(end, 's')}`}
      >
        {phases.map((phase) => (
          <rect
            key={`${phase.name}-${phase.repeat}-${phase.startSeconds}`}
            class={`phase-${phase.name}`}
            x={(phase.startSeconds / end) * 1000}
            width={Math.max(0.8, ((phase.endSeconds - phase.startSeconds) / end) * 1000)}
            y="2"
            height="30"
          >
            <title>{title(phase)}</title>
          </rect>
        ))}
      </svg>
      <p class="ends">
        <span>0</span>
        <span>{tick(end, 's')}</span>
      </p>
      <ul class="key">
        {names.map((name) => (
          <li key={name}>
            <i class={`phase-${name}`} />
            {name} <span class="quiet">{quantity(total(name), 's')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function title(phase: Phase): string {
  const which = phase.repeat === null ? '' : ` ${phase.repeat + 1}`;
  const tokens = phase.tokens > 0 ? `, ${phase.tokens} tokens` : '';
  return `${phase.name}${which}: ${quantity(phase.endSeconds - phase.startSeconds, 's')}${tokens}`;
}
