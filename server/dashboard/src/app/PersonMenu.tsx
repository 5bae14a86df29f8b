import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { CircleUserRound, Languages, LogOut, Monitor, Moon, Settings, Sun } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useMe } from '@/api/me';
import { session } from '@/api/session';
import { useAnyUnsaved } from '@/components/edits/unsaved';
import { chooseLanguage } from '@/i18n';
import { languages } from '@/i18n/languages';
import { LeaveDialog } from './LeaveDialog';

const schemes = [
  { value: 'light', icon: Sun },
  { value: 'dark', icon: Moon },
  { value: 'auto', icon: Monitor },
] as const;

/** Account, language, look, and the way out. */
export function PersonMenu() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const me = useMe();
  const unsaved = useAnyUnsaved();
  const [asking, { open: ask, close: stay }] = useDisclosure(false);
  const signOut = () => void session.signOut();
  return (
    <>
      <LeaveDialog opened={asking} stay={stay} go={signOut} />
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label={t('account')}>
            <CircleUserRound size={20} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {me.data && <Menu.Label>{me.data.full_name ?? me.data.username}</Menu.Label>}
          <Menu.Item component={Link} to="/account" leftSection={<Settings size={16} aria-hidden />}>
            {t('account')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Label>{t('language')}</Menu.Label>
          {Object.entries(languages).map(([code, { name }]) => (
            <Menu.Item
              key={code}
              lang={code}
              leftSection={<Languages size={16} aria-hidden />}
              aria-current={i18n.language === code || undefined}
              fw={i18n.language === code ? 700 : undefined}
              onClick={() => void chooseLanguage(code)}
            >
              {name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          {schemes.map(({ value, icon: Icon }) => (
            <Menu.Item
              key={value}
              leftSection={<Icon size={16} aria-hidden />}
              aria-current={colorScheme === value || undefined}
              fw={colorScheme === value ? 700 : undefined}
              onClick={() => setColorScheme(value)}
            >
              {t(`theme.${value}`)}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<LogOut size={16} aria-hidden />} onClick={unsaved ? ask : signOut}>
            {t('signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
