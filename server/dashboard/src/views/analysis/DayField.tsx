import { TextInput } from '@mantine/core';
import { useTyped } from '@/components/list/useTyped';
import { isDay } from './span';

interface Props {
  label: string;
  /** The day that is looked at. */
  value: string;
  onChange: (day: string) => void;
  min?: string;
  max?: string;
  error?: string | undefined;
}

/** A day. What is none yet, such as one whose year is half typed, stays as it is and is taken up once it is one. */
export function DayField({ value, onChange, ...more }: Props) {
  const { typed, type, commit } = useTyped(value, onChange);
  return (
    <TextInput
      type="date"
      value={typed}
      onChange={({ currentTarget: { value: text } }) => (isDay(text) ? commit(text) : type(text))}
      // Who leaves it sees what holds.
      onBlur={() => !isDay(typed) && type(value)}
      {...more}
    />
  );
}
