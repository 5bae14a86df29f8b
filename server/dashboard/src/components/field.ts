/** A number as a field has it while somebody types; empty: none. */
export type Field = number | string;

/** The number in a field; null: it is empty, or no number yet. */
export function numberOf(field: Field): number | null {
  const value = typeof field === 'string' && field.trim() === '' ? NaN : Number(field);
  return Number.isFinite(value) ? value : null;
}
