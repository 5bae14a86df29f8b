import { Modal, Text } from '@mantine/core';
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

/** Something to fill in or to decide, above the view. */
export function Dialog({ opened, onClose, title, sticky = false, size = 'md', children }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={<Text fw={600}>{title}</Text>}
      size={size}
      closeButtonProps={{ 'aria-label': t('close') }}
      closeOnClickOutside={!sticky}
      closeOnEscape={!sticky}
    >
      {children}
    </Modal>
  );
}
