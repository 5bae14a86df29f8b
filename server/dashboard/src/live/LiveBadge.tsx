import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useLink } from './hooks';

const colors = { live: 'green', connecting: 'gray', lost: 'red', refused: 'red', stopped: 'gray' } as const;

/** State of the live feed, in the header. */
export function LiveBadge() {
  const { t } = useTranslation();
  const { state } = useLink();
  return (
    <Badge
      variant={state === 'live' ? 'light' : 'filled'}
      color={colors[state]}
      role="status"
      data-testid="live"
      data-state={state}
    >
      {t(`live.${state}`)}
    </Badge>
  );
}
