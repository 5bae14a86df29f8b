const COLORS: Record<string, string> = { info: 'blue', warning: 'yellow', error: 'orange', critical: 'red' };

/** Colour of an alarm's severity. */
export const severityColor = (severity: string | null | undefined): string => COLORS[severity ?? ''] ?? 'gray';

const RANK = ['critical', 'error', 'warning', 'info'];
/** What a newer server may call otherwise comes last. */
const rankOf = (severity: string): number => (RANK.indexOf(severity) + RANK.length + 1) % (RANK.length + 1);

/** Alarms by severity; those of one severity stay in their order. */
export const worstFirst = <A extends { severity: string }>(alarms: readonly A[]): A[] =>
  [...alarms].sort((a, b) => rankOf(a.severity) - rankOf(b.severity));
