import type { Layout } from '@/api/types';
import { numberOf } from '@/components/field';
import type { Draft } from './draft';

type Signals = Pick<Layout, 'compatible' | 'intergreens' | 'signal' | 'stages'>;

/** The document's pairs and intergreens, which its schema leaves open. */
interface Open {
  compatible?: { a: string; b: string }[];
  intergreens?: { from: string; to: string; seconds: number }[];
}

const ms = (seconds: number) => Math.round(seconds * 1000);

/**
 * Seconds from the end of one stage's green to the start of another one's, as the planner reckons: the longest intergreen between groups that
 * end and groups that come, and at least the amber of whatever ends; none when the change only adds groups.
 */
function clearanceOf(layout: Signals, from: string, to: string): number {
  const { compatible = [], intergreens = [] } = layout as Open;
  const amber = ms(layout.signal?.amber_s ?? 3);
  const usual = amber + ms(layout.signal?.all_red_s ?? 2);
  const groupsOf = (name: string) => layout.stages.find(({ stage }) => stage === name)?.groups;
  const [old, next] = [groupsOf(from), groupsOf(to)];
  // Of a stage that is gone nothing more is known.
  if (!old || !next) return Math.ceil(usual / 1000);
  const ending = old.filter((group) => !next.includes(group));
  const coming = next.filter((group) => !old.includes(group));
  if (ending.length === 0) return 0;
  const together = (one: string, other: string) =>
    compatible.length > 0
      ? compatible.some(({ a, b }) => (a === one && b === other) || (a === other && b === one))
      : layout.stages.some(({ groups }) => groups.includes(one) && groups.includes(other));
  const between = (end: string, come: string) => {
    if (together(end, come)) return 0;
    const given = intergreens.find((row) => row.from === end && row.to === come);
    return given ? ms(given.seconds) : usual;
  };
  const longest = ending.flatMap((end) => coming.map((come) => between(end, come)));
  return Math.ceil(Math.max(amber, ...longest) / 1000);
}

/** Seconds of a cycle with these greens and what clears the junction between them. */
export function cycleOf(draft: Draft, layout: Signals): number {
  const served = [...draft.greens].flatMap(([stage, field]) => {
    const green = numberOf(field);
    return green === null ? [] : [{ stage, green }];
  });
  return served.reduce((sum, { stage, green }, at) => {
    const next = served[(at + 1) % served.length]?.stage ?? stage;
    return sum + green + clearanceOf(layout, stage, next);
  }, 0);
}
