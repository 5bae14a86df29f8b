import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Dialog } from './Dialog';
import { Refusal } from './Refusal';

/** Something that is done only after a second thought. */
export interface Asked {
  title: string;
  /** What comes of it, in words. */
  text: string;
  /** The button that does it: a verb. */
  action: string;
  run: () => Promise<unknown>;
  onDone?: () => void;
  /** It does no harm. */
  harmless?: boolean;
}

interface Props {
  asked: Asked | null;
  onClose: () => void;
}

/** Asks before something is done that cannot be taken back; stays with the server's sentence when that refuses. */
export function Confirm({ asked, onClose }: Props) {
  return (
    <Dialog opened={asked !== null} onClose={onClose} title={asked?.title ?? ''}>
      {asked && <Question asked={asked} onClose={onClose} />}
    </Dialog>
  );
}

function Question({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const { t } = useTranslation();
  const act = useMutation({
    mutationFn: asked.run,
    onSuccess: () => {
      onClose();
      asked.onDone?.();
    },
  });
  return (
    <Stack>
      <Text size="sm">{asked.text}</Text>
      <Refusal error={act.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} disabled={act.isPending} data-autofocus>
          {t('cancel')}
        </Button>
        <Button color={asked.harmless ? undefined : 'red'} loading={act.isPending} onClick={() => act.mutate()}>
          {asked.action}
        </Button>
      </Group>
    </Stack>
  );
}
