import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { api, data } from '@/api/client';
import { useLayout } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { Layout } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { Fetched } from '@/components/Fetched';
import { JunctionHead } from '@/components/junction/JunctionHead';
import { Section } from '@/components/Section';
import { AgentFile } from './AgentFile';
import { Links } from './Links';
import { PlaceForm } from './PlaceForm';

/** Place, time zone and limits of a junction, the ways to its neighbours, and files. */
export function SetupView() {
  const { junctionId = '' } = useParams();
  const layout = useLayout(junctionId);
  const admin = useMe().data?.is_admin ?? false;
  return (
    <Fetched whole query={layout} height={480}>
      {(entry) => (
        <Stack key={entry.junction_id}>
          <JunctionHead layout={entry} here="settings" />
          <PlaceForm layout={entry} admin={admin} />
          <Links layout={entry} admin={admin} />
          {admin && <AgentFile layout={entry} />}
          {admin && <Deletion layout={entry} />}
        </Stack>
      )}
    </Fetched>
  );
}

function Deletion({ layout }: { layout: Layout }) {
  const { t } = useTranslation('setup');
  const [typed, setTyped] = useState('');
  const [asked, setAsked] = useState<Asked | null>(null);
  const navigate = useNavigate();
  const client = useQueryClient();
  const ask = () =>
    setAsked({
      title: t('delete.title'),
      text: t('delete.sure', { name: layout.junction_name }),
      action: t('delete.now'),
      run: () =>
        data(api.DELETE('/api/junctions/{junction_id}', { params: { path: { junction_id: layout.junction_id } } })),
      onDone: () => {
        client.removeQueries({ queryKey: ['junction', layout.junction_id] });
        void client.invalidateQueries({ queryKey: ['junctions'] });
        void navigate('/junctions');
      },
    });
  return (
    <Section title={t('delete.title')} text={t('delete.text')}>
      <Group align="flex-end">
        <TextInput
          label={t('delete.type', { name: layout.junction_name })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
        />
        <Button color="red" variant="outline" disabled={typed.trim() !== layout.junction_name} onClick={ask}>
          {t('delete.title')}
        </Button>
      </Group>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </Section>
  );
}
