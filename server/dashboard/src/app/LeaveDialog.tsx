import { Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Dialog } from '@/components/Dialog';

interface Props {
  opened: boolean;
  stay: () => void;
  go: () => void;
}

/** Asks whether what is not saved may be lost. */
export function LeaveDialog({ opened, stay, go }: Props) {
  const { t } = useTranslation('junctions');
  return (
    <Dialog above opened={opened} onClose={stay} title={t('leave.title')}>
      <Stack>
        <Text size="sm">{t('leave.text')}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={stay} data-autofocus>
            {t('leave.stay')}
          </Button>
          <Button color="red" onClick={go}>
            {t('leave.go')}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
