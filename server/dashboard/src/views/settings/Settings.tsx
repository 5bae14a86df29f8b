import { Badge, Code, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSettings } from '@/api/settings';
import type { Setting } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';
import { PageTitle } from '@/components/PageTitle';
import { Section } from '@/components/Section';
import { grouped, shown } from './grouped';

const colors = { default: 'gray', file: 'blue', environment: 'green' } as const;

/** The configuration in force, and where each value comes from. */
export function Settings() {
  const { t } = useTranslation('settings');
  const settings = useSettings();
  const columns: Column<Setting>[] = [
    {
      label: t('key'),
      width: '28%',
      cell: (setting) => (
        <Text size="sm" ff="monospace">
          {setting.key}
        </Text>
      ),
    },
    {
      label: t('value'),
      width: '42%',
      cell: (setting) => {
        const value = shown(setting.value);
        return value === null ? (
          <Text size="sm" c="dimmed">
            {t('unset')}
          </Text>
        ) : (
          <Code>{value}</Code>
        );
      },
    },
    {
      label: t('origin'),
      width: '30%',
      cell: (setting) => (
        <Stack gap={2} align="flex-start">
          <Badge color={colors[setting.origin]} variant="outline">
            {t(`origins.${setting.origin}`)}
          </Badge>
          {setting.place && <Text size="xs">{setting.place}</Text>}
        </Stack>
      ),
    },
  ];
  return (
    <Stack>
      <PageTitle>{t('title')}</PageTitle>
      <Text size="sm" c="dimmed">
        {t('text')}
      </Text>
      <Fetched query={settings} height={400}>
        {(rows) =>
          grouped(rows).map(([section, keys]) => (
            <Section key={section} title={`[${section}]`}>
              <Rows label={section} rows={keys} rowKey={(setting) => setting.key} columns={columns} />
            </Section>
          ))
        }
      </Fetched>
    </Stack>
  );
}
