import { Modal, Text } from '@mantine/core';
import { useIsMutating } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What it shows is shown only once: it goes by its buttons alone. */
  sticky?: boolean;
  size?: string;
  children: ReactNode;
}

/** Something to fill in or to decide, above the view. While something is being sent it stays, or nobody would hear what came of it. */
export function Dialog({ opened, onClose, title, sticky = false, size = 'md', children }: Props) {
  const { t } = useTranslation();
  const busy = useIsMutating() > 0;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={<Text fw={600}>{title}</Text>}
      size={size}
      closeButtonProps={{ 'aria-label': t('close'), disabled: busy }}
      closeOnClickOutside={!sticky && !busy}
      closeOnEscape={!sticky && !busy}
    >
      {children}
    </Modal>
  );
}
