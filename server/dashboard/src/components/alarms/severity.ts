const COLORS: Record<string, string> = { info: 'blue', warning: 'yellow', error: 'orange', critical: 'red' };

/** Colour of an alarm's severity. */
export const severityColor = (severity: string | null | undefined): string => COLORS[severity ?? ''] ?? 'gray';

/** All severities, the worst first. */
export const SEVERITIES = ['critical', 'error', 'warning', 'info'] as const;

/** What a newer server may call otherwise comes last. */
const rankOf = (severity: string): number =>
  ((SEVERITIES as readonly string[]).indexOf(severity) + SEVERITIES.length + 1) % (SEVERITIES.length + 1);

/** Alarms by severity; those of one severity stay in their order. */
export const worstFirst = <A extends { severity: string }>(alarms: readonly A[]): A[] =>
  [...alarms].sort((a, b) => rankOf(a.severity) - rankOf(b.severity));
