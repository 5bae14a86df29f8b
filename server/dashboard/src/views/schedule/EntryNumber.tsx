import classes from './WeekGrid.module.css';

/** The number of an entry in its schedule, in the colours of its kind: what stands for its name where that has no room. */
export function EntryNumber({ at, kind }: { at: number; kind: 'plan' | 'limits' }) {
  return (
    <span className={classes.number} data-kind={kind}>
      {at + 1}
    </span>
  );
}
