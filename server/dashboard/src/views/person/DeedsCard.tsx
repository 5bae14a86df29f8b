import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { api, data } from '@/api/client';
import { useMe } from '@/api/me';
import type { User } from '@/api/types';
import { type Asked, Confirm } from '@/components/Confirm';
import { tellDone } from '@/components/notify';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { PasswordDialog } from './PasswordDialog';

/** What administrators do about a user's sign-in. */
export function DeedsCard({ user }: { user: User }) {
  const { t } = useTranslation('people');
  const client = useQueryClient();
  const navigate = useNavigate();
  const me = useMe();
  const kept = useKeptFocus<HTMLDivElement>();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [passwordOpen, setPasswordOpen] = useState(false);
  const params = { path: { user_id: user.user_id } };
  const name = user.username;
  const again = () => void client.invalidateQueries({ queryKey: ['users'] });
  const patch = (body: { is_admin?: boolean; is_active?: boolean }) => () =>
    data(api.PATCH('/api/users/{user_id}', { params, body }));
  const ask = (
    deed: 'giveAdmin' | 'takeAdmin' | 'disable' | 'enable' | 'resetFactor' | 'signOut' | 'delete',
    run: () => Promise<unknown>,
    more: Partial<Asked> = {},
  ) => {
    setAsked({
      title: t(`deed.${deed}`),
      text: t(`sure.${deed}`, { name }),
      action: t(`deed.${deed}`),
      run,
      onDone: again,
      ...more,
    });
  };
  const remove = () =>
    ask('delete', () => data(api.DELETE('/api/users/{user_id}', { params })), {
      onDone: () => {
        client.removeQueries({ queryKey: ['users', user.user_id] });
        again();
        void navigate('/users');
      },
    });
  const self = me.data?.user_id === user.user_id;
  return (
    <Section title={t('deeds')} text={self ? t('self') : undefined}>
      <Group {...kept}>
        {user.is_admin ? (
          <Button variant="default" onClick={() => ask('takeAdmin', patch({ is_admin: false }))}>
            {t('deed.takeAdmin')}
          </Button>
        ) : (
          <Button variant="default" onClick={() => ask('giveAdmin', patch({ is_admin: true }))}>
            {t('deed.giveAdmin')}
          </Button>
        )}
        <Button variant="default" onClick={() => setPasswordOpen(true)}>
          {t('deed.password')}
        </Button>
        {user.totp_enabled && (
          <Button
            variant="default"
            onClick={() => ask('resetFactor', () => data(api.DELETE('/api/users/{user_id}/totp', { params })))}
          >
            {t('deed.resetFactor')}
          </Button>
        )}
        <Button
          variant="default"
          onClick={() =>
            ask('signOut', () => data(api.DELETE('/api/users/{user_id}/sessions', { params })), {
              onDone: () => {
                again();
                tellDone(t('done.signOut', { name }));
              },
            })
          }
        >
          {t('deed.signOut')}
        </Button>
        {user.is_active ? (
          <Button variant="light" color="red" onClick={() => ask('disable', patch({ is_active: false }))}>
            {t('deed.disable')}
          </Button>
        ) : (
          <Button variant="default" onClick={() => ask('enable', patch({ is_active: true }), { harmless: true })}>
            {t('deed.enable')}
          </Button>
        )}
        <Button variant="light" color="red" onClick={remove}>
          {t('deed.delete')}
        </Button>
      </Group>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
      <PasswordDialog user={user} opened={passwordOpen} onClose={() => setPasswordOpen(false)} />
    </Section>
  );
}
