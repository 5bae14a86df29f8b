import { useState } from 'react';

/** What was fetched, as somebody changes it; it knows which state of it the change is of. */
export interface Edited<T> {
  value: T;
  changed: boolean;
  /** Somebody else has changed it since. */
  outdated: boolean;
  /** Says to the server what is replaced: something else it refuses to replace. */
  header: { 'If-Match'?: string };
  change: (next: (before: T) => T) => void;
  /** What is changed and not saved is given up. */
  forget: () => void;
  /** A value is saved, and its state has a new tag: what is changed since stays, as a change of that. */
  saved: (value: T, tag: string | null) => void;
}

export function useEdited<T>(fetched: T, tag: string | null): Edited<T> {
  const [edit, setEdit] = useState<{ value: T; tag: string | null } | null>(null);
  return {
    value: edit ? edit.value : fetched,
    changed: edit !== null,
    outdated: edit !== null && edit.tag !== tag,
    header: edit?.tag ? { 'If-Match': edit.tag } : {},
    change: (next) => setEdit((before) => ({ value: next(before ? before.value : fetched), tag: before?.tag ?? tag })),
    forget: () => setEdit(null),
    saved: (value, now) => setEdit((before) => (before && before.value !== value ? { ...before, tag: now } : null)),
  };
}
