import { useTranslation } from 'react-i18next';
import type { Aspect } from '@/live/frames';
import { litBy, wordOf } from './aspects';
import classes from './AspectToken.module.css';

/** What a group shows as a small token with its letter, for tables and lists. */
export function AspectToken({ aspect, name }: { aspect: Aspect | undefined; name?: string }) {
  const { t } = useTranslation('signal');
  const { lamps, flashes } = litBy(aspect);
  const known = wordOf(aspect);
  const word = t(`aspect.${known}`);
  const letters = lamps.map((colour) => colour.charAt(0).toUpperCase()).join('') || (known === 'unknown' ? '?' : '–');
  return (
    <span className={classes.token} title={name ? `${name}: ${word}` : word}>
      {name && <span>{name}</span>}
      <span
        role="img"
        aria-label={word}
        className={`${classes.lamp} ${classes[lamps.at(-1) ?? 'dark']} ${flashes ? classes.flashing : ''}`}
      >
        {letters}
      </span>
    </span>
  );
}
