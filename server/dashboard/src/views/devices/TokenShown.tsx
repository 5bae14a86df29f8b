import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Download, KeyRound } from 'lucide-react';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import { useZones } from '@/api/junctions';
import type { DeviceWithToken } from '@/api/types';
import { Copy } from '@/components/Copy';
import { saveFile } from '@/components/files';
import { Refusal } from '@/components/Refusal';
import { useFormat } from '@/i18n/format';
import { agentCommand, enrolCommand } from './enrolCommand';

/** What the technician needs on site; the token is shown only here. */
export function TokenShown({ device, onKept }: { device: DeviceWithToken; onKept: () => void }) {
  const { t } = useTranslation('devices');
  const format = useFormat(useZones().of(device.junction_id));
  const command = device.token ? enrolCommand(location.origin, device.token) : null;
  return (
    <Stack>
      {device.token && command ? (
        <>
          <Alert icon={<KeyRound size={18} aria-hidden />} title={t('token.once')}>
            <Text size="sm">
              {t('token.text', { until: device.token_until ? format.fullTime(device.token_until) : '' })}
            </Text>
          </Alert>
          <Copied label={t('token.label')} text={device.token} testId="token" />
          <Copied label={t('token.agent')} text={agentCommand(location.origin)} testId="agent-command" />
          <Copied label={t('token.command')} text={command} testId="enrol-command" />
        </>
      ) : (
        <Alert title={t('token.byHandTitle')}>
          <Text size="sm">{t('token.byHand', { id: device.device_id })}</Text>
        </Alert>
      )}
      <Text size="sm">{t('token.toml')}</Text>
      <Group justify="space-between">
        <TomlButton junctionId={device.junction_id} deviceId={device.device_id} />
        <Button onClick={onKept}>{t('token.done')}</Button>
      </Group>
    </Stack>
  );
}

function Copied({ label, text, testId }: { label: string; text: string; testId: string }) {
  const shown = useRef<HTMLPreElement>(null);
  return (
    <Stack gap={4}>
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <Copy text={text} shown={shown} label={label} size="compact-xs" />
      </Group>
      <Code block ref={shown} data-testid={testId} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {text}
      </Code>
    </Stack>
  );
}

/** Gives the agent's configuration as a file, as far as the server knows it. */
export function TomlButton({ junctionId, deviceId }: { junctionId: string; deviceId: string }) {
  const { t } = useTranslation('devices');
  const fetchToml = useMutation({
    mutationFn: () =>
      data(
        api.GET('/api/junctions/{junction_id}/agent.toml', {
          params: { path: { junction_id: junctionId }, query: { device_id: deviceId } },
          parseAs: 'text',
        }),
      ),
    onSuccess: (text) => saveFile('agent.toml', text, 'application/toml'),
  });
  return (
    <Stack gap="xs">
      <Button
        variant="default"
        leftSection={<Download size={16} aria-hidden />}
        loading={fetchToml.isPending}
        onClick={() => fetchToml.mutate()}
      >
        {t('downloadToml')}
      </Button>
      <Refusal error={fetchToml.error} />
    </Stack>
  );
}
