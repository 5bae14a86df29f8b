/** Days of a junction's calendar, as the API writes them: `2026-02-10`. */
export interface Span {
  from: string;
  /** The last day, included. */
  to: string;
}

/** Widths of buckets, narrow to wide, with the most days that the server answers of each: of volumes, and of cycles. */
export const WIDTHS = [
  { width: '5m', seconds: 300, volumes: 7, cycles: 7 },
  { width: '15m', seconds: 900, volumes: 31, cycles: 31 },
  { width: '1h', seconds: 3600, volumes: 92, cycles: 92 },
  { width: '1d', seconds: 86_400, volumes: 366, cycles: 92 },
] as const;

export type Width = (typeof WIDTHS)[number]['width'];

export const isWidth = (text: string | null): text is Width => WIDTHS.some(({ width }) => width === text);

/** The day in a zone. */
export function today(zone: string, now: number): string {
  // Of the locales, Swedish writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format(new Date(now));
}

/** Whether the last day of a span has ended in a zone. */
export const isOver = (zone: string, to: string, now: number): boolean => today(zone, now) > to;

/** Whether it is a day; one of which only half the year is typed is none yet. */
export const isDay = (text: string | null): text is string =>
  text !== null && /^[1-9]\d{3}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));

/** A day so many days later. */
export function plusDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The last days up to one. */
export const lastDays = (end: string, days: number): Span => ({ from: plusDays(end, 1 - days), to: end });

/** Days of a span; 0 when it ends before it begins. */
export const daysOf = ({ from, to }: Span): number =>
  Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1);

/** The width in which a span is easily read. */
export function usualWidth(span: Span): Width {
  const days = daysOf(span);
  return days <= 2 ? '15m' : days <= 14 ? '1h' : '1d';
}

/** The same weekday of the weeks before, the latest first. */
export const sameWeekdays = (day: string, weeks: number): string[] =>
  Array.from({ length: weeks }, (_, week) => plusDays(day, -7 * (week + 1)));
