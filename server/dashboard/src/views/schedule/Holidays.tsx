import { ActionIcon, Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { Trash2 } from 'lucide-react';
import { type SubmitEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useUnsaved } from '@/components/edits/unsaved';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';
import { type Holiday, withHoliday } from './week';

interface Props {
  holidays: Holiday[];
  /** Puts others in their place; absent: the user may not. */
  change?: (holidays: Holiday[]) => void;
  label: string;
}

/** Days on which entries for holidays hold. */
export function Holidays({ holidays, change, label }: Props) {
  const { t } = useTranslation('schedule');
  const format = useFormat('UTC');
  const kept = useKeptFocus<HTMLDivElement>();
  const [date, setDate] = useState('');
  const [name, setName] = useState('');
  // One that is typed in and not added yet is lost with the view like any other change.
  useUnsaved(date !== '' || name.trim() !== '');
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    change?.(withHoliday(holidays, { date, name: name.trim() }));
    setDate('');
    setName('');
  };
  return (
    <Stack gap="sm" {...kept}>
      {holidays.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t('noHolidays')}
        </Text>
      ) : (
        <Table aria-label={label}>
          <Table.Tbody>
            {holidays.map((holiday) => (
              <Table.Tr key={holiday.date}>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>
                  {format.day(`${holiday.date}T00:00:00Z`)} {holiday.date.slice(0, 4)}
                </Table.Td>
                <Table.Td>{holiday.name}</Table.Td>
                {change && (
                  <Table.Td ta="end">
                    <ActionIcon
                      variant="subtle"
                      color="red"
                      aria-label={t('removeOf', { name: holiday.name })}
                      onClick={() => change(holidays.filter((other) => other !== holiday))}
                    >
                      <Trash2 size={16} aria-hidden />
                    </ActionIcon>
                  </Table.Td>
                )}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {change && (
        <form onSubmit={add} aria-label={label}>
          <Group align="flex-end" gap="xs">
            <TextInput
              type="date"
              label={t('date')}
              value={date}
              onChange={(event) => setDate(event.currentTarget.value)}
              required
            />
            <TextInput
              label={t('holidayName')}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              maxLength={100}
              required
            />
            <Button type="submit" variant="default">
              {t('addHoliday')}
            </Button>
          </Group>
        </form>
      )}
    </Stack>
  );
}
