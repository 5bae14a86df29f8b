import { Button, Stack } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { all, api, data, page } from '@/api/client';
import type { components } from '@/api/schema';
import { session } from '@/api/session';
import { Fetched } from '@/components/Fetched';
import { type Column, Rows } from '@/components/list/Rows';
import { Refusal } from '@/components/Refusal';
import { Section } from '@/components/Section';
import { useCityFormat } from '@/components/list/useRowTimes';

type Session = components['schemas']['Session'];

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
  });
  const endAll = useMutation({
    mutationFn: () => data(api.DELETE('/api/users/me/sessions')),
    onSuccess: () => session.drop(),
  });
  const nameOf = (row: Session) => (row.user_agent ? program(row.user_agent) : t('sessions.unknown'));
  const columns: Column<Session>[] = [
    {
      label: t('sessions.browser'),
      cell: nameOf,
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
        <Button
          size="compact-sm"
          color="red"
          variant="light"
          loading={endAll.isPending}
          onClick={() => endAll.mutate()}
        >
          {t('sessions.endAll')}
        </Button>
      }
    >
      <Refusal error={endAll.error} />
      <Fetched query={sessions}>
        {(rows) => <Rows label={t('sessions.title')} rows={rows} rowKey={(row) => row.session_id} columns={columns} />}
      </Fetched>
    </Section>
  );
}

/** Ends one session; what comes of it stands beside that. */
function EndSession({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation('account');
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => data(api.DELETE('/api/users/me/sessions/{session_id}', { params: { path: { session_id: id } } })),
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
