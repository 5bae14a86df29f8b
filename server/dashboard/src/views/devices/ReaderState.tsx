import { Badge, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ReaderStatus } from './status';

const COLORS = { up: 'green', down: 'red', silent: 'red' } as const;

/** How a reader does; `now` is false where nobody knows any more, and what was told last is all there is. */
export function ReaderState({ reader, now }: { reader: Pick<ReaderStatus, 'state' | 'detail'>; now: boolean }) {
  const { t } = useTranslation('devices');
  return (
    <Stack gap={2} align="flex-start">
      {now ? (
        <Badge color={COLORS[reader.state]} variant={reader.state === 'up' ? 'outline' : 'filled'} autoContrast>
          {t(`reader.${reader.state}`)}
        </Badge>
      ) : (
        <Text size="sm" c="dimmed">
          {t('reader.lastTold', { state: t(`reader.${reader.state}`) })}
        </Text>
      )}
      {reader.detail && (
        <Text size="xs" lang="en">
          {reader.detail}
        </Text>
      )}
    </Stack>
  );
}
