import { getDefaultZIndex, Modal, Text } from '@mantine/core';
import { type QueryClient, useIsMutating, useQueryClient } from '@tanstack/react-query';
import { type MouseEvent, type ReactNode, useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useUnsaved } from './edits/unsaved';
import { OnSent } from './sent';
import { useWayBack } from './useWayBack';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What it shows is shown only once: it goes by its buttons alone, and Back asks. */
  sticky?: boolean;
  /** Something is filled in: a click beside it loses nothing, and once it is changed neither does Escape, and Back asks. */
  form?: boolean;
  /** It may come while another dialog is open, and stands above that. */
  above?: boolean;
  size?: string;
  children: ReactNode;
}

const pendingIn = (client: QueryClient) =>
  client
    .getMutationCache()
    .findAll({ status: 'pending' })
    .map(({ mutationId }) => mutationId);

/** Something to fill in or to decide, above the view. While something is being sent it stays, or nobody would hear what came of it. */
export function Dialog({
  opened,
  onClose,
  title,
  sticky = false,
  form = false,
  above = false,
  size = 'md',
  children,
}: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  // What is still being sent from elsewhere as it opens is none of its own, and does not lock it.
  const [others, setOthers] = useState<ReadonlySet<number> | null>(null);
  if (opened && !others) setOthers(new Set(pendingIn(client)));
  if (!opened && others) setOthers(null);
  const busy = useIsMutating({ predicate: ({ mutationId }) => others !== null && !others.has(mutationId) }) > 0;
  // In which opening something was changed: each time it begins untouched.
  const [changed, setChanged] = useState(false);
  if (changed && !opened) setChanged(false);
  // What is being sent may bring something that is shown only once, as a replaced device its token.
  useUnsaved(opened && (sticky || busy || (form && changed)), 'form');
  const { inside, goBack } = useWayBack(opened);
  const change = () => setChanged(true);
  const settle = useCallback(() => setChanged(false), []);
  // What is chosen from a list is a click on its entry.
  const click = ({ target }: MouseEvent) => {
    if (target instanceof Element && target.closest('[role=option]')) change();
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={goBack}
      title={<Text fw={600}>{title}</Text>}
      size={size}
      zIndex={getDefaultZIndex(above ? 'popover' : 'modal')}
      closeButtonProps={{ 'aria-label': t('close'), disabled: busy }}
      closeOnClickOutside={!sticky && !form && !busy}
      closeOnEscape={!sticky && !(form && changed) && !busy}
    >
      <div ref={inside} onInputCapture={change} onChangeCapture={change} onClickCapture={click}>
        <OnSent value={settle}>{children}</OnSent>
      </div>
    </Modal>
  );
}
