import { notifications } from '@mantine/notifications';
import i18next from 'i18next';

/** Says for a while that something is done. */
export function tellDone(message: string): void {
  notifications.show({ color: 'green', message, closeButtonProps: { 'aria-label': i18next.t('close') } });
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
