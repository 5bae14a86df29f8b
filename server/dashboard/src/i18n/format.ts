import i18next, { type TFunction } from 'i18next';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { language } from '.';
import { languageOf } from './languages';

/** The zone in which junctions of this product stand unless they say otherwise. */
export const DEFAULT_ZONE = 'Asia/Kolkata';

/** A time in UTC, as RFC 3339 or the server’s own sentences have it. */
const UTC = /\b(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d:\d\d UTC\b)/g;

/** Keeps what `make` makes of the same locale and style: to make one takes longer than to write a hundred numbers with it. */
function kept<Style extends object, Made>(make: (locale: string, style: Style) => Made) {
  const known = new Map<string, Made>();
  return (locale: string, style: Style): Made => {
    const key = locale + JSON.stringify(style);
    const made = known.get(key) ?? make(locale, style);
    known.set(key, made);
    return made;
  };
}
const numbers = kept((locale, style: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, style));
const times = kept((locale, style: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, style));

/** Writes numbers and times as a language does, in the zone of a junction. */
export class Format {
  private readonly locale: string;
  private readonly t: TFunction;
  private readonly zone: string;
  private readonly named: boolean;

  /** `named`: days with hours are followed by the short name of the zone. */
  constructor(locale: string, t: TFunction, zone: string = DEFAULT_ZONE, named = false) {
    this.locale = locale;
    this.t = t;
    this.zone = zone;
    this.named = named;
  }

  number(value: number, digits = 0): string {
    return numbers(this.locale, { maximumFractionDigits: digits }).format(value);
  }

  percent(share: number): string {
    return numbers(this.locale, { style: 'percent', maximumFractionDigits: 0 }).format(share);
  }

  /** Hours, minutes and seconds. */
  time(at: string | number | Date): string {
    return this.at(at, { timeStyle: 'medium', hourCycle: 'h23' });
  }

  /** When it was, as seen at `now`: hours, minutes and seconds, with the day before them when that is another one, and its
   * year. */
  moment(at: string | number | Date, now: string | number | Date = Date.now()): string {
    const day = { dateStyle: 'short' } as const;
    if (this.at(at, day) === this.at(now, day)) return this.time(at);
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
    return this.at(at, { ...this.yearOf(at, now), day: 'numeric', month: 'short', ...clock });
  }

  /** Day, hours and minutes; with the year when that is another one, as seen at `now`. */
  dateTime(at: string | number | Date, now: string | number | Date = Date.now()): string {
    return this.at(at, {
      ...this.yearOf(at, now),
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...this.zoneName,
    });
  }

  /** Day and time to the second, as of a line in a log; with the year when that is another one, as seen at `now`. */
  line(at: string | number | Date, now: string | number | Date = Date.now()): string {
    return this.at(at, {
      ...this.yearOf(at, now),
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      ...this.zoneName,
    });
  }

  /** Hours and minutes. */
  clock(at: string | number | Date): string {
    return this.at(at, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  }

  /** Date, hours and minutes as tables sort and spreadsheets read them: `2026-02-10 08:15`. */
  stamp(at: string | number | Date): string {
    const style = { dateStyle: 'short', timeStyle: 'short', timeZone: this.zone } as const;
    return times('sv-SE', style).format(new Date(at));
  }

  /** As {@link stamp}, to the second: `2026-02-10 08:15:30`. */
  stampToSecond(at: string | number | Date): string {
    const style = { dateStyle: 'short', timeStyle: 'medium', timeZone: this.zone } as const;
    return times('sv-SE', style).format(new Date(at));
  }

  /** Weekday, day and month. */
  day(at: string | number | Date): string {
    return this.at(at, { weekday: 'short', day: 'numeric', month: 'short' });
  }

  /** Day with its year, hours and minutes. */
  fullTime(at: string | number | Date): string {
    return this.at(at, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...this.zoneName,
    });
  }

  /** A sentence of the server's with the times in it, which it writes in UTC, as everything else here is written; `full`: always with the year. */
  sentence(text: string, full = false): string {
    return text.replace(UTC, (at) => (full ? this.fullTime(at) : this.dateTime(at)));
  }

  seconds(value: number, digits = 0): string {
    return this.t('unit.s', { value: this.number(value, digits) });
  }

  /** A span of time in its largest unit. */
  age(seconds: number): string {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return this.t('unit.s', { value: this.number(whole) });
    if (whole < 3600) return this.t('unit.min', { value: this.number(Math.floor(whole / 60)) });
    if (whole < 86_400) return this.t('unit.h', { value: this.number(Math.floor(whole / 3600)) });
    return this.t('unit.d', { value: this.number(Math.floor(whole / 86_400)) });
  }

  /** The year, where it is not that of `now`. */
  private yearOf(at: string | number | Date, now: string | number | Date): Intl.DateTimeFormatOptions {
    const year = { year: 'numeric' } as const;
    return this.at(at, year) === this.at(now, year) ? {} : year;
  }

  private get zoneName(): Intl.DateTimeFormatOptions {
    return this.named ? { timeZoneName: 'short' } : {};
  }

  private at(at: string | number | Date, style: Intl.DateTimeFormatOptions): string {
    return times(this.locale, { ...style, timeZone: this.zone }).format(new Date(at));
  }
}

/** Makes formats for the language that is shown. */
export function useFormats(): (zone?: string, named?: boolean) => Format {
  const { i18n } = useTranslation();
  const code = i18n.language;
  return useMemo(() => {
    const { locale } = languageOf(language());
    return (zone, named) => new Format(locale, i18next.t, zone, named);
  }, [code]); // eslint-disable-line react-hooks/exhaustive-deps -- the language decides locale and texts
}

/** Formats for the language that is shown; `zone` is the junction's. */
export function useFormat(zone?: string): Format {
  const formats = useFormats();
  return useMemo(() => formats(zone), [formats, zone]);
}
