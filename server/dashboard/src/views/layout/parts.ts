import type { Draft } from './draft';

/** What each part of the editor has. */
export interface PartProps {
  draft: Draft;
  change: (next: (draft: Draft) => Draft) => void;
  /** Why the layout was refused. */
  error: unknown;
  /** The user may change it. */
  admin: boolean;
}

/** The list with some of a row changed. */
export const withRow = <T>(list: readonly T[], at: number, part: Partial<T>): T[] =>
  list.map((row, other) => (other === at ? { ...row, ...part } : row));
