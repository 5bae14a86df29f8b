import { AppShell, Box, Burger, Group, NavLink, ScrollArea, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { useMe } from '@/api/me';
import { usePhone } from '@/components/usePhone';
import { LiveBadge } from '@/live/LiveBadge';
import { LostBanner } from '@/live/LostBanner';
import { ClockNotice } from './ClockNotice';
import { HealthNotices } from './HealthNotices';
import { PersonMenu } from './PersonMenu';
import { UrgentBadge } from './UrgentBadge';
import { useUrgent } from './urgent';
import { useArrival } from './useArrival';
import { navigation } from './views';

/** Where alarms are listed. */
const ALARMS = '/alarms';

/** Header and navigation around every view. */
export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure(false);
  const isPhone = usePhone();
  const { pathname } = useLocation();
  useArrival();
  const me = useMe();
  const urgent = useUrgent();
  const entries = navigation.filter((entry) => !entry.admin || me.data?.is_admin);
  const chosen = (path: string) => (path === '/' ? pathname === '/' : pathname.startsWith(path));
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 208, breakpoint: 'sm', collapsed: { mobile: !opened, desktop: entries.length < 2 } }}
      padding="md"
    >
      <a className="skip" href="#content">
        {t('skip')}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            {entries.length > 1 && (
              <Burger
                opened={opened}
                onClick={toggle}
                hiddenFrom="sm"
                size="sm"
                aria-label={t('menu')}
                aria-expanded={opened}
                aria-controls="menu"
              />
            )}
            <Link
              to="/"
              aria-label={t('appName')}
              style={{ display: 'flex', textDecoration: 'none', color: 'inherit' }}
            >
              <Group gap={8} wrap="nowrap">
                <img src="/app/icon.svg" width={26} height={26} alt="" />
                <Text fw={700} size="lg" visibleFrom="xs">
                  {t('appName')}
                </Text>
              </Group>
            </Link>
          </Group>
          <Group gap="sm" wrap="nowrap">
            {urgent > 0 && (
              <Box hiddenFrom="sm">
                <UrgentBadge count={urgent} />
              </Box>
            )}
            <LiveBadge />
            <PersonMenu />
          </Group>
        </Group>
      </AppShell.Header>
      {/* A closed menu is only moved out of sight: nobody is to come through it by the keyboard, or hear it. */}
      <AppShell.Navbar id="menu" p="xs" aria-label={t('menu')} inert={isPhone && !opened}>
        <ScrollArea>
          {entries.map(({ path, label, icon: Icon }) => (
            <Box key={path} pos="relative">
              <NavLink
                component={Link}
                to={path}
                label={label()}
                leftSection={<Icon size={18} aria-hidden />}
                active={chosen(path)}
                aria-current={chosen(path) ? 'page' : undefined}
                onClick={close}
              />
              {/* A link of its own, beside the one to all of them. */}
              {path === ALARMS && urgent > 0 && (
                <Box pos="absolute" right={8} top={0} bottom={0} display="flex" style={{ alignItems: 'center' }}>
                  <UrgentBadge count={urgent} onClick={close} data-testid="urgent" />
                </Box>
              )}
            </Box>
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <LostBanner />
        <HealthNotices />
        <ClockNotice />
        {children}
      </AppShell.Main>
    </AppShell>
  );
}
