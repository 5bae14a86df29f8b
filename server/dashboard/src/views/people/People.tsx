import { Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { ListedUser, User } from '@/api/types';
import { useUsers } from '@/api/users';
import { Fetched } from '@/components/Fetched';
import { FilterRow } from '@/components/list/FilterRow';
import { type Column, Rows } from '@/components/list/Rows';
import { SearchField } from '@/components/list/SearchField';
import { useFilters } from '@/components/list/useFilters';
import { PageTitle } from '@/components/PageTitle';
import { useCityFormat } from '@/components/list/useRowTimes';
import { CreateDialog } from './CreateDialog';

/** Everybody who may sign in. */
export function People() {
  const { t } = useTranslation('people');
  const users = useUsers();
  const [filters, setFilter] = useFilters(['search']);
  const [adding, setAdding] = useState(false);
  const search = (filters.search ?? '').trim().toLowerCase();
  const matches = (user: User) =>
    [user.username, user.email, user.full_name ?? ''].some((text) => text.toLowerCase().includes(search));
  return (
    <Stack>
      <Group justify="space-between">
        <PageTitle>{t('title')}</PageTitle>
        <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          {t('add')}
        </Button>
      </Group>
      <FilterRow>
        <SearchField label={t('search')} value={filters.search} onChange={(text) => setFilter('search', text)} />
      </FilterRow>
      <Fetched query={users} height={240}>
        {(rows) => {
          const found = rows.filter(matches);
          return found.length === 0 ? <Text c="dimmed">{t('noMatch')}</Text> : <UserRows users={found} />;
        }}
      </Fetched>
      <CreateDialog opened={adding} onClose={() => setAdding(false)} />
    </Stack>
  );
}

function UserRows({ users }: { users: readonly ListedUser[] }) {
  const { t } = useTranslation('people');
  const format = useCityFormat();
  const columns: Column<ListedUser>[] = [
    {
      label: t('user'),
      cell: (user) => (
        <Stack gap={0} align="flex-start">
          <Anchor component={Link} to={`/users/${user.user_id}`} fw={600}>
            {user.username}
          </Anchor>
          {user.full_name && (
            <Text size="xs" c="dimmed">
              {user.full_name}
            </Text>
          )}
        </Stack>
      ),
    },
    { label: t('email'), cell: (user) => user.email },
    {
      label: t('rights'),
      cell: (user) => (
        <Group gap={4}>
          {user.is_admin ? (
            <Badge variant="outline">{t('admin')}</Badge>
          ) : (
            <span>{t(user.junctions > 0 ? 'junctions' : 'noRights', { count: user.junctions })}</span>
          )}
          {!user.is_active && (
            <Badge variant="filled" color="gray">
              {t('disabled')}
            </Badge>
          )}
        </Group>
      ),
    },
    { label: t('factor'), nowrap: true, cell: (user) => (user.totp_enabled ? t('factorOn') : t('factorOff')) },
    {
      label: t('lastLogin'),
      nowrap: true,
      cell: (user) => (user.last_login ? format.fullTime(user.last_login) : t('never')),
    },
  ];
  return <Rows label={t('title')} rows={users} rowKey={(user) => user.user_id} columns={columns} />;
}
