import { Badge, Button, Group, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { all, api, data, page } from '@/api/client';
import type { components } from '@/api/schema';
import { session } from '@/api/session';
import { type Asked, Confirm } from '@/components/Confirm';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { useCityFormat } from '@/components/list/useRowTimes';
import { useKeptFocus } from '@/components/useKeptFocus';

type Session = components['schemas']['OwnSession'];

/** The program of a session, in a few words. */
function program(agent: string): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari|curl)\/([0-9]+)/.exec(agent);
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent);
  const name = browser?.[1]?.replace('Edg', 'Edge').replace('OPR', 'Opera');
  return [name && `${name} ${browser?.[2] ?? ''}`, system?.[1]].filter(Boolean).join(', ') || agent.slice(0, 60);
}

/** Where the user is signed in, and how to end it there. */
export function SessionsCard() {
  const { t } = useTranslation('account');
  const format = useCityFormat();
  const sessions = useQuery({
    queryKey: ['me', 'sessions'],
    queryFn: ({ signal }) =>
      all((cursor) => page(api.GET('/api/users/me/sessions', { params: { query: { limit: 500, cursor } }, signal }))),
    refetchInterval: 60_000,
  });
  const kept = useKeptFocus<HTMLDivElement>();
  const [asked, setAsked] = useState<Asked | null>(null);
  const askEndAll = () =>
    setAsked({
      title: t('sessions.endAll'),
      text: t('sessions.sureAll'),
      action: t('sessions.endAll'),
      run: () => data(api.DELETE('/api/users/me/sessions')),
      onDone: () => session.drop(),
    });
  const nameOf = (row: Session) => (row.user_agent ? program(row.user_agent) : t('sessions.unknown'));
  const columns: Column<Session>[] = [
    {
      label: t('sessions.browser'),
      cell: (row) => (
        <Group gap="xs">
          {nameOf(row)}
          {row.is_this && (
            <Badge variant="light" miw="max-content">
              {t('sessions.this')}
            </Badge>
          )}
        </Group>
      ),
    },
    { label: t('sessions.address'), cell: (row) => row.ip_address ?? null },
    { label: t('sessions.since'), nowrap: true, cell: (row) => format.dateTime(row.created_at) },
    { label: t('sessions.used'), nowrap: true, cell: (row) => format.dateTime(row.last_used_at) },
    {
      label: t('sessions.end'),
      act: true,
      cell: (row) => (
        <EndSession
          id={row.session_id}
          isThis={row.is_this}
          name={t('sessions.endOne', { name: nameOf(row), at: format.dateTime(row.created_at) })}
        />
      ),
    },
  ];
  return (
    <Section
      title={t('sessions.title')}
      text={t('sessions.text')}
      aside={
        <Button size="compact-sm" color="red" variant="light" onClick={askEndAll}>
          {t('sessions.endAll')}
        </Button>
      }
    >
      <div {...kept}>
        <Fetched query={sessions}>
          {(rows) => (
            <Rows label={t('sessions.title')} rows={rows} rowKey={(row) => row.session_id} columns={columns} />
          )}
        </Fetched>
      </div>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </Section>
  );
}

/** Ends one session; what comes of it stands beside that. Who ends the one of this page has signed out. */
function EndSession({ id, isThis, name }: { id: string; isThis: boolean; name: string }) {
  const { t } = useTranslation('account');
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => data(api.DELETE('/api/users/me/sessions/{session_id}', { params: { path: { session_id: id } } })),
    onSuccess: () => isThis && session.drop(),
    onSettled: () => client.invalidateQueries({ queryKey: ['me', 'sessions'] }),
  });
  return (
    <Stack gap={4} align="flex-start">
      <Button
        size="compact-xs"
        variant="default"
        loading={end.isPending}
        onClick={() => end.mutate()}
        aria-label={name}
      >
        {t('sessions.end')}
      </Button>
      <Refusal error={end.error} />
    </Stack>
  );
}
