import { Button, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Copy } from '@/components/Copy';

/** Recovery codes, which are shown this once. */
export function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const { t } = useTranslation('account');
  const shown = useRef<HTMLDivElement>(null);
  return (
    <Stack>
      <Text size="sm">{t('factor.codesText')}</Text>
      <SimpleGrid ref={shown} cols={2} spacing="xs" data-testid="recovery-codes">
        {codes.map((code) => (
          <Code key={code}>{code}</Code>
        ))}
      </SimpleGrid>
      <Group justify="space-between">
        <Copy text={codes.join('\n')} shown={shown} />
        <Button onClick={onKept}>{t('factor.codesKept')}</Button>
      </Group>
    </Stack>
  );
}
