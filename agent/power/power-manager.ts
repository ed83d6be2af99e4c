import { toFailure } from '../../core/errors.js';
import { type Control, type Found, SETTING_NAMES, type SettingName, settingError } from './control.js';
import { controlNamed, controlsOf, type Machine } from './finder.js';
import type { Journal } from './journal.js';
import type { Applied, Restored, Seen, Target } from './protocol.js';

/** Who asked for a setting: one connection. */
export type Owner = object;

interface Held {
  readonly control: Control;
  readonly owner: Owner;
}

export type Wanted = Readonly<Record<SettingName, number | null>>;

/**
 * Sets controls for one owner at a time and puts back what it found. Every method is synchronous, so that
 * nobody sees a machine half set; what was found is on disk before anything changes.
 */
export class PowerManager {
  readonly #machine: Machine;
  readonly #journal: Journal<Found>;
  readonly #log: (message: string) => void;
  readonly #held = new Map<string, Held>();

  constructor(machine: Machine, journal: Journal<Found>, log: (message: string) => void) {
    this.#machine = machine;
    this.#journal = journal;
    this.#log = log;
  }

  /**
   * Puts back what an earlier helper left, as far as it can be; the rest stays in the journal, and is tried
   * again.
   */
  restoreLeft(): void {
    for (const id of this.#journal.ids.filter((left) => !this.#held.has(left))) {
      const search = controlNamed(id, this.#machine);
      const problem = search.found ? this.#putBack(search.control).problem : search.reason;
      this.#log(
        problem === null
          ? `put back ${id}, which an earlier helper had set`
          : `${id} is not put back: ${problem}`,
      );
    }
  }

  /**
   * @returns what can be set on a target and why the rest cannot; what others hold counts as it was found.
   */
  look(target: Target): { seen: Seen[]; absent: Record<string, string> } {
    const searches = controlsOf(target, this.#machine);
    const absent: Record<string, string> = {};
    const seen: Seen[] = [];
    for (const search of searches) {
      if (!search.found) absent[search.name] = search.reason;
      else {
        const { control } = search;
        const { name, part, cpus } = control;
        seen.push({ name, part, cpus: [...cpus], ...control.range(this.#stateBefore(control)) });
      }
    }
    return { seen, absent };
  }

  /**
   * Sets all that is wanted, or nothing.
   * @throws FailureError `setting-failed` that says what is in the way.
   */
  set(owner: Owner, target: Target, wanted: Wanted): Applied[] {
    this.restoreLeft();
    const chosen = SETTING_NAMES.flatMap((name) => this.#choose(target, name, wanted[name]));
    const found = new Map(chosen.map(({ control }): [string, Found] => [control.id, control.read()]));
    const before = new Map(chosen.map(({ control }) => [control.id, control.reading()]));
    this.#journal.add(found);
    for (const { control } of chosen) this.#held.set(control.id, { control, owner });
    try {
      return chosen.map(({ control, value }) => {
        const set = control.set(value);
        const { name, part } = control;
        return { name, part, found: before.get(control.id) ?? null, set, readBack: control.reading() };
      });
    } catch (error) {
      for (const { control } of chosen) this.#putBack(control);
      throw error;
    }
  }

  /**
   * Puts back what this owner holds. Never throws: a problem is part of the answer, and stays in the journal.
   */
  restore(owner: Owner): Restored[] {
    return [...this.#held.values()]
      .filter((held) => held.owner === owner)
      .map(({ control }) => this.#putBack(control));
  }

  restoreAll(): void {
    for (const { control } of [...this.#held.values()]) this.#putBack(control);
  }

  #choose(target: Target, name: SettingName, value: number | null): { control: Control; value: number }[] {
    if (value === null) return [];
    const searches = controlsOf(target, this.#machine).filter(
      (search) => (search.found ? search.control.name : search.name) === name,
    );
    return searches.map((search) => {
      if (!search.found) throw settingError(`${name} cannot be set: ${search.reason}`);
      const { control } = search;
      const rival = [...this.#held.values()].find((held) => meet(held.control, control));
      if (rival !== undefined) throw settingError(`${name} of ${control.part} is set for another trial`);
      if (this.#journal.get(control.id) !== undefined) {
        throw settingError(`${name} of ${control.part} has not been put back after an earlier trial`, {
          hint: 'The log of the power helper says why.',
        });
      }
      const { least, most } = control.range(control.read());
      if (value < least || value > most) {
        throw settingError(`${name} of ${control.part} can be ${least} to ${most}, not ${value}`, {
          hint: 'Never above what was found: the operator may have set it for the supply or the cooling.',
        });
      }
      return { control, value };
    });
  }

  #stateBefore(control: Control): Found {
    return this.#journal.get(control.id) ?? control.read();
  }

  #putBack(control: Control): Restored {
    const { id, name, part } = control;
    this.#held.delete(id);
    let atEnd: number | null = null;
    try {
      atEnd = control.reading();
      const found = this.#journal.get(id);
      if (found !== undefined) control.restore(found);
      this.#journal.remove(id);
      return { name, part, atEnd, problem: null };
    } catch (error) {
      const problem = toFailure(error).message;
      this.#log(`${id} is not put back: ${problem}`);
      return { name, part, atEnd, problem };
    }
  }
}

/** True when setting one changes what the other set. */
function meet(a: Control, b: Control): boolean {
  return a.name === b.name && (a.id === b.id || a.cpus.some((cpu) => b.cpus.includes(cpu)));
}
