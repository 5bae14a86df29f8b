import { Badge, Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '@/i18n/format';
import { useLink, useNow } from './hooks';

const colors = { live: 'green', connecting: 'gray', lost: 'red', refused: 'red', stopped: 'gray' } as const;

/** State of the live feed, in the header. */
export function LiveBadge() {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, retryAt } = useLink();
  const now = useNow();
  const left = retryAt === null ? null : Math.max(0, Math.ceil((retryAt - now) / 1000));
  const text = t(`live.${state}`);
  return (
    <Tooltip label={left === null ? text : t('live.retryIn', { seconds: format.number(left) })}>
      <Badge
        variant={state === 'live' ? 'light' : 'filled'}
        color={colors[state]}

        role="status"
        data-testid="live"
        data-state={state}
      >
        {text}
      </Badge>
    </Tooltip>
  );
}
