import { TextInput } from '@mantine/core';
import { DEFAULT_ZONE } from '@/i18n/format';
import { instantOf, localOf } from '@/i18n/zoned';
import classes from './TimeField.module.css';

interface Props {
  label: string;
  /** RFC 3339, or nothing. */
  value: string | null;
  onChange: (instant: string | null) => void;
  zone?: string | undefined;
  required?: boolean;
  error?: string | undefined;
  description?: string;
}

/** A time of the clock on the wall in `zone`, which is where the junctions are and not where the reader is. */
export function TimeField({ label, value, onChange, zone = DEFAULT_ZONE, ...more }: Props) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={value ? localOf(value, zone) : ''}
      onChange={(event) => onChange(instantOf(event.currentTarget.value, zone))}
      // With its hours it is wider than half a phone.
      className={classes.time}
      {...more}
    />
  );
}
