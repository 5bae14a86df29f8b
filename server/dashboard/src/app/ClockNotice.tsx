import { Alert, Text } from '@mantine/core';
import { Clock } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import { useFormat } from '@/i18n/format';

/** Less is of no use to anybody, milliseconds. */
const NOTABLE_MS = 60_000;

/** Says that this machine's clock is wrong: ages are right all the same, but what a person compares with the clock in the corner is not. */
export function ClockNotice() {
  const { t } = useTranslation();
  const format = useFormat();
  const ahead = useSyncExternalStore(clock.watch, clock.aheadMs);
  if (Math.abs(ahead) <= NOTABLE_MS) return null;
  const age = format.age(Math.abs(ahead) / 1000);
  return (
    <Alert color="yellow" mb="md" icon={<Clock size={18} aria-hidden />} role="status" data-testid="clock">
      <Text size="sm">{t(ahead > 0 ? 'clock.fast' : 'clock.slow', { age })}</Text>
    </Alert>
  );
}
