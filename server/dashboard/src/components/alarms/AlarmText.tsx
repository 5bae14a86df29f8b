import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Alarm } from '@/api/types';
import type { Format } from '@/i18n/format';
import { toldOf } from './sentence';

/** What is wrong, in a sentence. */
export function AlarmText({ alarm, format }: { alarm: Alarm; format: Format }) {
  const { t, i18n } = useTranslation('alarms');
  const { text, original } = toldOf(alarm, i18n.language, t, format);
  return (
    <Text size="sm">
      {text}
      {original && (
        <Text span size="xs" c="dimmed" lang="en">
          {` ${original}`}
        </Text>
      )}
    </Text>
  );
}
