import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '@/i18n/format';
import classes from './Junction.module.css';
import type { PlannedStage } from './timeline';

/** Greens of the stages as bars over their ranges, to the scale of the longest. */
export function Greens({ stages, longest }: { stages: readonly PlannedStage[]; longest: number }) {
  const { t } = useTranslation('junction');
  const format = useFormat();
  const share = (seconds: number) => `${(100 * seconds) / longest}%`;
  const lengthOf = ({ green_s, min_green_s, max_green_s }: PlannedStage) => {
    // That of an emergency says no length.
    if (green_s === 0) return t('plan.untilItEnds');
    if (min_green_s == null || max_green_s == null || min_green_s === max_green_s)
      return t('timeline.exactly', { green: format.seconds(green_s) });
    return t('timeline.planned', {
      green: format.seconds(green_s),
      least: format.number(min_green_s),
      most: format.number(max_green_s),
    });
  };
  return (
    <div className={classes.greens}>
      {stages.map((planned) => {
        const { stage, green_s, min_green_s, max_green_s } = planned;
        return (
          <Fragment key={stage}>
            <strong>{stage}</strong>
            <span className={classes.track} aria-hidden>
              {min_green_s != null && max_green_s != null && (
                <span
                  className={classes.range}
                  style={{ insetInlineStart: share(min_green_s), width: share(max_green_s - min_green_s) }}
                />
              )}
              <span className={classes.green} style={{ width: share(green_s) }} />
            </span>
            <span>{lengthOf(planned)}</span>
          </Fragment>
        );
      })}
    </div>
  );
}
