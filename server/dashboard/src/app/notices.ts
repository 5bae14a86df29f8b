import type { Alarm } from '@/api/types';
import { isUrgent } from '@/components/alarms/open';

/** So many alarms have a notice each; of more than that one tells how many there are. */
const MOST = 3;

/** The id of the notice of many. */
export const MANY = 'urgent';

/** Critical alarms that have opened since `before`; none where nothing was known before. */
export const openedSince = (before: ReadonlySet<string> | null, alarms: readonly Alarm[]): Alarm[] =>
  before === null ? [] : alarms.filter(({ alarm_id, severity }) => severity === 'critical' && !before.has(alarm_id));

/** Which alarms have notices: those that open while somebody looks on, until they are over, or somebody takes notice, or closes the notice. */
export class Notices {
  private before: ReadonlySet<string> | null = null;
  private told: ReadonlySet<string> = new Set();
  private areMany = false;

  /** What notices are to stand by the alarms that are open now: the alarms of each by its id. */
  look(alarms: readonly Alarm[]): Map<string, Alarm[]> {
    const opened = new Set(openedSince(this.before, alarms).map(({ alarm_id }) => alarm_id));
    this.before = new Set(alarms.map(({ alarm_id }) => alarm_id));
    const waiting = alarms.filter(
      (alarm) => isUrgent(alarm) && (opened.has(alarm.alarm_id) || this.told.has(alarm.alarm_id)),
    );
    this.told = new Set(waiting.map(({ alarm_id }) => alarm_id));
    // Many stay one notice until none of them is left: nobody is to be told of the last ones anew.
    this.areMany = waiting.length > MOST || (this.areMany && waiting.length > 0);
    if (this.areMany) return new Map([[MANY, waiting]]);
    return new Map(waiting.map((alarm) => [alarm.alarm_id, [alarm]]));
  }

  /** Somebody has closed a notice. */
  closed(id: string): void {
    this.told = id === MANY ? new Set() : new Set([...this.told].filter((told) => told !== id));
    this.areMany = false;
  }
}
