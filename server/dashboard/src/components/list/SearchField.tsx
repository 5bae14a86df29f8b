import { TextInput } from '@mantine/core';
import { useTyped } from './useTyped';

interface Props {
  label: string;
  /** As the address has it. */
  value: string | null;
  onChange: (text: string) => void;
  maxLength?: number;
}

/** What a list is searched for. It shows what is typed at once: the address follows only when all that depends on it is drawn. */
export function SearchField({ value, onChange, ...more }: Props) {
  const { typed, commit } = useTyped(value, onChange);
  return <TextInput type="search" value={typed} onChange={(event) => commit(event.currentTarget.value)} {...more} />;
}
