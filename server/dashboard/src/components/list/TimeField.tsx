import { TextInput } from '@mantine/core';
import { DEFAULT_ZONE } from '@/i18n/format';
import { instantOf, localOf } from '@/i18n/zoned';
import { useTyped } from './useTyped';
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

/**
 * A time of the clock on the wall in `zone`, which is where the junctions are and not where the reader is. What is no time yet, such as one whose
 * year is half typed, stays as it is and is taken up once it is one.
 */
export function TimeField({ label, value, onChange, zone = DEFAULT_ZONE, ...more }: Props) {
  const shown = value ? localOf(value, zone) : '';
  const { typed, type, commit } = useTyped(shown, (text) => onChange(instantOf(text, zone)));
  const isWhole = (text: string) => text === '' || instantOf(text, zone) !== null;
  return (
    <TextInput
      type="datetime-local"
      label={label}
      value={typed}
      onChange={({ currentTarget: { value: text } }) => (isWhole(text) ? commit(text) : type(text))}
      // Who leaves it sees what holds.
      onBlur={() => !isWhole(typed) && type(shown)}
      // With its hours it is wider than half a phone.
      className={classes.time}
      {...more}
    />
  );
}
