import { Button, Group } from '@mantine/core';
import { FileUp, Lightbulb, type LucideIcon, RotateCw, Sparkles } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Asked, Confirm } from '@/components/Confirm';
import { Section } from '@/components/Section';
import { CommandResult } from './CommandResult';
import { type CommandType, useCommand } from './useCommand';

const commands: readonly { type: Exclude<CommandType, 'restart_reader'>; icon: LucideIcon; admin: boolean }[] = [
  { type: 'identify', icon: Sparkles, admin: false },
  { type: 'lamp_test', icon: Lightbulb, admin: true },
  { type: 'send_config', icon: FileUp, admin: true },
  { type: 'reload', icon: RotateCw, admin: true },
];

/** What the device can be asked to do, and what came of it. */
export function CommandsCard({ deviceId, isAdmin }: { deviceId: string; isAdmin: boolean }) {
  const { t } = useTranslation('devices');
  const command = useCommand(deviceId);
  const [asked, setAsked] = useState<Asked | null>(null);
  const press = (type: (typeof commands)[number]['type']) => {
    if (type === 'identify' || type === 'send_config') {
      command.mutate({ type });
      return;
    }
    setAsked({
      title: t(`command.${type}`),
      text: t(`sure.${type}`),
      action: t(`command.${type}`),
      harmless: true,
      run: () => command.mutateAsync({ type }),
    });
  };
  return (
    <Section title={t('commands')} text={t('commandsText')}>
      <div>
        <Group>
          {commands
            .filter((one) => isAdmin || !one.admin)
            .map(({ type, icon: Icon }) => (
              <Button
                key={type}
                variant="default"
                leftSection={<Icon size={16} aria-hidden />}
                loading={command.isPending && command.variables.type === type}
                onClick={() => press(type)}
              >
                {t(`command.${type}`)}
              </Button>
            ))}
        </Group>
        <CommandResult command={command} />
      </div>
      <Confirm asked={asked} onClose={() => setAsked(null)} />
    </Section>
  );
}
