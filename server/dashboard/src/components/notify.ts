import { Anchor } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import i18next from 'i18next';
import { createElement } from 'react';

/** Says for a while that something is done. */
export function tellDone(message: string): void {
  notifications.show({ color: 'green', message, closeButtonProps: { 'aria-label': i18next.t('close') } });
}

/** Tells of an alarm that wants somebody now, with a button by which he goes there; stays until it is closed. */
export function tellUrgent(id: string, title: string, look: { text: string; go: () => void }): void {
  const onClick = () => {
    notifications.hide(id);
    look.go();
  };
  notifications.show({
    id,
    color: 'red',
    autoClose: false,
    title,
    message: createElement(Anchor<'button'>, { component: 'button', size: 'sm', onClick }, look.text),
    closeButtonProps: { 'aria-label': i18next.t('close') },
  });
}

/** Says that something has failed, and why; stays until it is closed. */
export function tellFailed(title: string, message: string): void {
  notifications.show({
    color: 'red',
    autoClose: false,
    title,
    message,
    closeButtonProps: { 'aria-label': i18next.t('close') },
  });
}
