import { Tooltip } from '@mantine/core';
import { useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { EntryNumber } from './EntryNumber';
import { blocksOf, DAY_MIN, type Block, type Day, DAYS, type Entry, timeOf } from './week';
import classes from './WeekGrid.module.css';

interface Props {
  entries: Entry[];
  /** The entry that holds at present. */
  now: string | null;
  choose: (at: number) => void;
  /** Starts a new entry; absent: the user may not. */
  add?: (day: Day, hour: number) => void;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** The week by day and hour: plans on the left of a day, limits on its right where both hold at a time. A block has the number of its entry, and its name where that fits. */
export function WeekGrid({ entries, now, choose, add }: Props) {
  const { t } = useTranslation('schedule');
  const grid = useRef<HTMLDivElement>(null);
  const columns = blocksOf(entries);
  useLayoutEffect(() => {
    if (!grid.current) return undefined;
    const element = grid.current;
    const observer = new ResizeObserver(() => leaveOut(element));
    observer.observe(element);
    leaveOut(element);
    return () => observer.disconnect();
  }, [entries]);
  // Those that overlap, which the server refuses, stay in sight and in reach.
  const place = ({ from, to, entry, over, beside }: Block) => ({
    top: `${(from / DAY_MIN) * 100}%`,
    height: `${(Math.max(30, to - from) / DAY_MIN) * 100}%`,
    left: `${(beside && !entry.plan ? 50 : 1) + Math.min(3, over) * (beside ? 12 : 25)}%`,
    right: beside && entry.plan ? '50%' : '1%',
  });
  return (
    <div ref={grid} className={classes.grid}>
      <div className={classes.hours} aria-hidden>
        {HOURS.filter((hour) => hour % 3 === 0).map((hour) => (
          <span key={hour} style={{ top: `${(hour / 24) * 100}%` }}>
            {timeOf(hour * 60)}
          </span>
        ))}
      </div>
      {DAYS.map((day) => (
        <div key={day} className={classes.day} role="group" aria-label={t(`days.${day}`)}>
          <div className={classes.name} aria-hidden>
            {t(`short.${day}`)}
          </div>
          <div className={classes.column}>
            {add &&
              HOURS.map((hour) => (
                <button
                  key={hour}
                  type="button"
                  tabIndex={-1}
                  className={classes.empty}
                  style={{ top: `${(hour / 24) * 100}%` }}
                  aria-label={t('addAt', { day: t(`days.${day}`), time: timeOf(hour * 60) })}
                  onClick={() => add(day, hour)}
                />
              ))}
            {columns.get(day)?.map((block) => (
              <Tooltip
                key={`${block.at} ${block.from}`}
                label={`${block.entry.name}, ${block.entry.from}–${block.entry.to}`}
                events={{ hover: true, focus: true, touch: false }}
              >
                <button
                  type="button"
                  className={classes.block}
                  data-kind={block.entry.plan ? 'plan' : 'limits'}
                  data-now={block.entry.name === now || undefined}
                  style={place(block)}
                  aria-label={`${block.at + 1} ${block.entry.name}, ${timeOf(block.from)}–${timeOf(block.to)}`}
                  onClick={() => choose(block.at)}
                >
                  <EntryNumber at={block.at} kind={block.entry.plan ? 'plan' : 'limits'} />{' '}
                  <span className={classes.text} data-testid="block-name">
                    {block.entry.name}
                  </span>
                </button>
              </Tooltip>
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}

/** Takes the names away that would be cut; the number says which entry it is. */
function leaveOut(grid: HTMLElement): void {
  const blocks = [...grid.querySelectorAll<HTMLElement>('button[data-kind]')];
  for (const block of blocks) block.removeAttribute('data-short');
  const short = blocks.filter(
    (block) => block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight,
  );
  for (const block of short) block.setAttribute('data-short', '');
}
