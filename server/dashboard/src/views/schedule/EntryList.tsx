import { Button, Stack, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { brokenOf } from '@/components/junction/broken';
import { LIMITS } from './draft';
import { DAYS, type Entry } from './week';

interface Props {
  entries: Entry[];
  /** Why the schedule was refused. */
  error: unknown;
  choose: (at: number) => void;
}

/** The entries of a schedule in words, each with what the server says of it. */
export function EntryList({ entries, error, choose }: Props) {
  const { t } = useTranslation('schedule');
  if (entries.length === 0) return <Text size="sm">{t('none')}</Text>;
  const what = ({ plan, limits }: Entry) =>
    plan
      ? [
          ...plan.stages.map(({ stage, green_s }) => `${stage} ${green_s}`),
          ...(plan.offset_s == null ? [] : [t('offsetIs', { seconds: plan.offset_s })]),
        ].join(', ')
      : LIMITS.flatMap((name) => (limits?.[name] == null ? [] : [`${t(`limit.${name}`)} ${limits[name]}`])).join(', ');
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('name')}</Table.Th>
            <Table.Th>{t('on')}</Table.Th>
            <Table.Th>{t('time')}</Table.Th>
            <Table.Th>{t('what')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry, at) => {
            const broken = brokenOf(error, 'entry', entry.name) ?? brokenOf(error, 'entries', entry.name);
            return (
              <Table.Tr key={at}>
                <Table.Td>
                  <Stack gap={2} align="flex-start">
                    <Button size="compact-sm" variant="subtle" onClick={() => choose(at)}>
                      {entry.name}
                    </Button>
                    {broken && (
                      <Text size="xs" c="red" style={{ whiteSpace: 'pre-line' }}>
                        {broken}
                      </Text>
                    )}
                  </Stack>
                </Table.Td>
                <Table.Td>
                  {DAYS.filter((day) => entry.days.includes(day))
                    .map((day) => t(`short.${day}`))
                    .join(', ')}
                </Table.Td>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>
                  {entry.from}–{entry.to}
                </Table.Td>
                <Table.Td>
                  {entry.plan ? t('plan') : t('limits')}: {what(entry)}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
