import { Anchor } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import i18next from 'i18next';
import { createElement } from 'react';

/** Says for a while that something is done. */
export function tellDone(message: string): void {
  notifications.show({ color: 'green', message, closeButtonProps: { 'aria-label': i18next.t('close') } });
}

/** A notice of alarms that want somebody now, with a button by which he goes there. */
export interface UrgentNote {
  id: string;
  title: string;
  look: { text: string; go: () => void };
}

/** Notices of alarms; each stays until somebody closes it, or it is no longer wanted. */
export class UrgentNotes {
  private shown: ReadonlySet<string> = new Set();
  private readonly onClosed: (id: string) => void;

  /** `onClosed`: somebody has closed one, or gone where it leads. */
  constructor(onClosed: (id: string) => void) {
    this.onClosed = onClosed;
  }

  /** Shows these and no others. */
  show(notes: readonly UrgentNote[]): void {
    const before = this.shown;
    this.shown = new Set(notes.map(({ id }) => id));
    for (const id of before) if (!this.shown.has(id)) notifications.hide(id);
    for (const { id, title, look } of notes) {
      const onClick = () => {
        notifications.hide(id);
        look.go();
      };
      const note = {
        id,
        color: 'red',
        autoClose: false,
        title,
        message: createElement(Anchor<'button'>, { component: 'button', size: 'sm', onClick }, look.text),
        closeButtonProps: { 'aria-label': i18next.t('close') },
        // Told of those as well that are hidden because nobody wants them any more.
        onClose: () => {
          if (this.shown.has(id)) this.close(id);
        },
      } as const;
      if (before.has(id)) notifications.update(note);
      else notifications.show(note);
    }
  }

  private close(id: string): void {
    this.shown = new Set([...this.shown].filter((shown) => shown !== id));
    this.onClosed(id);
  }
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
