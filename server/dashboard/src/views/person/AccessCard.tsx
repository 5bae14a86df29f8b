import { SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useJunctions } from '@/api/junctions';
import type { Junction } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { Rows } from '@/components/list/Rows';
import { Refusal } from '@/components/Refusal';

const ROLES = ['none', 'observer', 'operator'] as const;
type Role = (typeof ROLES)[number];

/** More junctions than this are searched rather than scrolled. */
const SEARCH_FROM = 8;

/** What a user may do at each junction. */
export function AccessCard({ userId, username }: { userId: string; username: string }) {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  const junctions = useJunctions();
  const [search, setSearch] = useState('');
  const queryKey = ['users', userId, 'access'];
  const access = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      data(api.GET('/api/users/{user_id}/access', { params: { path: { user_id: userId } }, signal })),
  });
  const change = useMutation({
    mutationFn: async ({ junctionId, role }: { junctionId: string; role: Role }) => {
      const params = { path: { user_id: userId, junction_id: junctionId } };
      const path = '/api/users/{user_id}/access/{junction_id}';
      await (role === 'none' ? data(api.DELETE(path, { params })) : data(api.PUT(path, { params, body: { role } })));
    },
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  const roleAt = (junctionId: string): Role => {
    if (change.isPending && change.variables.junctionId === junctionId) return change.variables.role;
    return access.data?.find((grant) => grant.junction_id === junctionId)?.role ?? 'none';
  };
  const control = (junction: Junction) => (
    <SegmentedControl
      size="xs"
      aria-label={t('roleAt', { user: username, junction: junction.junction_name })}
      data={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
      value={roleAt(junction.junction_id)}
      onChange={(role) => change.mutate({ junctionId: junction.junction_id, role })}
    />
  );
  return (
    <Stack>
      <Refusal error={change.error} />
      <Fetched query={access}>
        {() => (
          <Fetched query={junctions}>
            {(rows) => {
              const found = rows.filter((row) => row.junction_name.toLowerCase().includes(search.trim().toLowerCase()));
              return (
                <>
                  {rows.length > SEARCH_FROM && (
                    <TextInput
                      type="search"
                      label={t('searchJunction')}
                      maw={320}
                      value={search}
                      onChange={(event) => setSearch(event.currentTarget.value)}
                    />
                  )}
                  {found.length === 0 ? (
                    <Text c="dimmed">{t('noJunction')}</Text>
                  ) : (
                    <Rows
                      label={t('access')}
                      rows={found}
                      rowKey={(junction) => junction.junction_id}
                      columns={[
                        { label: t('junction', { ns: 'lists' }), cell: (junction) => junction.junction_name },
                        { label: t('city'), cell: (junction) => junction.city },
                        { label: t('roleLabel'), cell: control },
                      ]}
                    />
                  )}
                </>
              );
            }}
          </Fetched>
        )}
      </Fetched>
    </Stack>
  );
}
