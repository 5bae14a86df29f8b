import type { TFunction } from 'i18next';
import type { AuditEntry } from '@/api/types';
import { isKind } from '@/components/alarms/kinds';
import type { Names } from './useNames';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A text among the new values. */
function valueOf(line: AuditEntry, ...keys: string[]): string | undefined {
  const detail: Record<string, unknown> = line.detail;
  return keys.map((key) => detail[key]).find((value): value is string => typeof value === 'string' && value !== '');
}

/** What was acted on, by its name; an id of which nobody knows the name any more by its beginning; null: nothing in particular. */
export function targetOf(line: AuditEntry, names: Names, t: TFunction<'audit'>): string | null {
  const { action, target } = line;
  if (!target) return null;
  const [family] = action.split('.');
  if (family === 'alarm') {
    const [kind = target] = target.split(' ');
    return isKind(kind) ? t(`kind.${kind}`, { ns: 'alarms' }) : kind;
  }
  if (!UUID.test(target)) return target;
  const short = target.slice(0, 8);
  switch (family) {
    case 'link':
      return `${names.junction(line.junction_id ?? '')} → ${names.junction(target)}`;
    case 'device':
      return names.device(target) ?? valueOf(line, 'device_name') ?? short;
    case 'watchlist':
      return valueOf(line, 'label', 'class') ?? short;
    case 'session': {
      const name = line.username ?? names.user(line.user_id ?? valueOf(line, 'user_id'));
      return name === undefined ? short : t('session', { name });
    }
    default:
      return names.junction(target);
  }
}
