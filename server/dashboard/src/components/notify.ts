import { notifications } from '@mantine/notifications';
import i18next from 'i18next';

/** Says for a while that something is done. */
export function tellDone(message: string): void {
  notifications.show({ color: 'green', message, closeButtonProps: { 'aria-label': i18next.t('close') } });
}

/** Says for a while that something has failed, and why. */
export function tellFailed(title: string, message: string): void {
  notifications.show({ color: 'red', title, message, closeButtonProps: { 'aria-label': i18next.t('close') } });
}
