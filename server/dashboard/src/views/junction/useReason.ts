import { type ChangeEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

/** Why somebody acts: what the field of a form needs, and what is sent. */
export function useReason() {
  const { t } = useTranslation('junction');
  const [text, setText] = useState('');
  const [isBlank, setBlank] = useState(false);
  return {
    field: {
      name: 'reason',
      label: t('override.reason'),
      description: t('override.reasonHint'),
      value: text,
      onChange: (event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => {
        setText(event.currentTarget.value);
        setBlank(false);
      },
      error: isBlank && t('override.reasonBlank'),
      maxLength: 1000,
      required: true,
    },
    /** The reason in one line, as the server takes it; null: there is none, which the field says then. */
    take: (form: HTMLFormElement): string | null => {
      const reason = text.replace(/\s+/g, ' ').trim();
      if (reason) return reason;
      setBlank(true);
      const field = form.elements.namedItem('reason');
      if (field instanceof HTMLElement) field.focus();
      return null;
    },
  };
}
