import { Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useJunctions } from '@/api/junctions';
import type { Junction } from '@/api/types';
import { accessOptions } from '@/api/users';
import { Fetched } from '@/components/Fetched';
import { Rows } from '@/components/list/Rows';
import { RoleControl, ROLES, type Role } from './RoleControl';

/** More junctions than this are searched rather than scrolled. */
const SEARCH_FROM = 8;

/** What a user may do at each junction. */
export function AccessCard({ userId, username }: { userId: string; username: string }) {
  const { t } = useTranslation('people');
  const junctions = useJunctions();
  const [search, setSearch] = useState('');
  const access = useQuery(accessOptions(userId));
  const roleAt = (junctionId: string): Role =>
    ROLES.find((role) => role === access.data?.find((grant) => grant.junction_id === junctionId)?.role) ?? 'none';
  const control = (junction: Junction) => (
    <RoleControl
      userId={userId}
      junctionId={junction.junction_id}
      label={t('roleAt', { user: username, junction: junction.junction_name })}
      role={roleAt(junction.junction_id)}
    />
  );
  return (
    <Stack>
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
