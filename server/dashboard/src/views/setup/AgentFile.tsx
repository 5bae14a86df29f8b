import { Button, Code, Group, ScrollArea, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import type { Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { saveFile } from '@/components/files';
import { Section } from '@/components/Section';

/** The configuration file of an agent at this junction, to look at and to take along. */
export function AgentFile({ layout }: { layout: Layout }) {
  const { t } = useTranslation('setup');
  const id = layout.junction_id;
  const devices = layout.devices ?? [];
  const [device, setDevice] = useState(devices[0]?.device_id ?? '');
  const file = useQuery({
    queryKey: ['junction', id, 'agent.toml', device],
    queryFn: async ({ signal }) => {
      const query = device ? { device_id: device } : {};
      const text: unknown = await data(
        api.GET('/api/junctions/{junction_id}/agent.toml', {
          params: { path: { junction_id: id }, query },
          parseAs: 'text',
          signal,
        }),
      );
      return String(text);
    },
  });
  return (
    <Section title={t('agent.title')} text={t('agent.text')}>
      {devices.length > 1 && (
        <Select
          label={t('agent.device')}
          value={device}
          onChange={(value) => value && setDevice(value)}
          data={devices.map(({ device_id, device_name }) => ({ value: device_id, label: device_name ?? device_id }))}
          allowDeselect={false}
          maw={420}
        />
      )}
      <Fetched query={file}>
        {(text) => (
          <>
            <ScrollArea.Autosize
              mah={320}
              viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': t('agent.title') }}
            >
              <Code block>{text}</Code>
            </ScrollArea.Autosize>
            <Group>
              <Button variant="default" onClick={() => saveFile('agent.toml', text, 'application/toml')}>
                {t('agent.save')}
              </Button>
            </Group>
          </>
        )}
      </Fetched>
    </Section>
  );
}
