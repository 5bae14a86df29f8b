import { Alert, Button, Group, Text } from '@mantine/core';
import { WifiOff } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '@/i18n/format';
import { feed, heardOf } from './feed';
import { useLink, useNow } from './hooks';

/** Shorter interruptions are not worth moving the page, milliseconds. */
const GRACE_MS = 2000;

/** Says that what is shown is old, since when, and when the next attempt comes; offers to try again at once. */
export function LostBanner() {
  const { t } = useTranslation();
  const format = useFormat();
  const link = useLink();
  const { state, lostAt, retryAt } = link;
  const now = useNow();
  if (state === 'live' || lostAt === null || now - lostAt < GRACE_MS) return null;
  const leftS = retryAt === null ? null : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <Alert
      color="red"
      mb="md"
      icon={<WifiOff size={18} aria-hidden />}
      role="group"
      // Who listens hears it once, and not how old all is by now.
      title={<span role="alert">{t('live.lost')}</span>}
    >
      <Group justify="space-between">
        <Text size="sm">
          {t('live.lostHint', { age: format.age((now - (heardOf(link) ?? lostAt)) / 1000) })}
          {leftS !== null && ` ${t('live.retryIn', { seconds: format.number(leftS) })}`}
        </Text>
        <Button size="compact-sm" variant="default" onClick={feed.retry}>
          {t('retry')}
        </Button>
      </Group>
    </Alert>
  );
}
