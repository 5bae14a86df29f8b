import { useTranslation } from 'react-i18next';
import classes from './City.module.css';
import type { Congestion, Kind } from './states';

/** Letters beside the colours; a junction in order has a tick. */
export const SIGNS: Record<Kind, string> = {
  ok: '✓',
  manual: 'M',
  emergency: 'E',
  fault: '!',
  offline: '×',
  dark: 'D',
  flash: 'F',
  unknown: '?',
  maintenance: 'W',
  own: 'T',
};

/** The more of a queue stays, the longer its sign. */
export const QUEUE_SIGNS: Record<Congestion, string> = { low: '›', mid: '››', high: '›››' };

/** What matters most about a junction, by colour, form, sign and word. */
export function StateSign({ kind }: { kind: Kind }) {
  const { t } = useTranslation('city');
  return (
    <span className={classes.state} data-kind={kind}>
      <span className={classes.sign} data-kind={kind} aria-hidden>
        {SIGNS[kind]}
      </span>
      {t(`kind.${kind}`)}
    </span>
  );
}
