const COLORS: Record<string, string> = { info: 'blue', warning: 'yellow', error: 'orange', critical: 'red' };

/** Colour of an alarm's severity. */
export const severityColor = (severity: string | null | undefined): string => COLORS[severity ?? ''] ?? 'gray';
