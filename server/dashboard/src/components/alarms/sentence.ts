import type { TFunction } from 'i18next';
import type { Alarm } from '@/api/types';
import type { Format } from '@/i18n/format';
import { isKind } from './kinds';

type Translate = TFunction<'alarms'>;

/** An alarm in words. */
export interface Told {
  text: string;
  /** The server's own sentence, which is English, where it knows more than the translation can say; null: it does not. */
  original: string | null;
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Kinds whose sentence names a cause, a number or a rule that stands in no field. */
const MORE: ReadonlySet<string> = new Set([
  'signal_fault',
  'reader_silent',
  'plan_refused',
  'config_differs',
  'rows_rejected',
  'rows_lost',
  'disk',
]);

/** The day until which a certificate holds, in the server's sentence. */
const UTC_DAY = /\d{4}-\d\d-\d\d \(UTC\)/;

/** What is wrong: in English as the server says it, in other languages by the alarm's kind and what is known of it. */
export function toldOf(alarm: Alarm, language: string, t: Translate, format: Format): Told {
  const { kind, message } = alarm;
  const detail = alarm.detail;
  const at = detail.last_heartbeat ?? detail.certificate_until;
  // The server writes its times in UTC.
  const timed = kind === 'device_offline' && typeof at === 'string';
  if (language === 'en' && kind === 'certificate_expiring' && typeof at === 'string')
    return { text: message.replace(UTC_DAY, () => format.fullTime(at)), original: null };
  if ((language === 'en' && !timed) || !isKind(kind)) return { text: message, original: null };
  const differences = list(detail.differences).length;
  const sentence = kind === 'device_offline' && !timed ? 'device_silent' : kind;
  const text = t(`sentence.${sentence}`, {
    at: typeof at === 'string' ? (timed ? format.dateTime(at) : format.fullTime(at)) : '–',
    readers: list(detail.readers).join(', '),
    lanes: Object.keys((detail.usual as object | undefined) ?? {}).join(', '),
    lane: typeof detail.lane === 'string' ? detail.lane : '–',
    value: format.number(differences),
    count: differences,
  });
  return { text, original: MORE.has(kind) ? message : null };
}
