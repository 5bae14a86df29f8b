import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Section } from '@/components/Section';
import { useFormat } from '@/i18n/format';
import type { SignalState } from '@/live/frames';
import { useNow } from '@/live/hooks';
import type { HeardSignal } from '@/live/store';
import classes from './Timeline.module.css';
import { leftOf, type PlannedStage, type Segment, timelineOf } from './timeline';

interface Props {
  signal: HeardSignal | null;
  /** The lamps are being fetched for the first time: there may be some. */
  awaited: boolean;
  /** Greens of the plan that runs; empty: none of the server's. */
  plan: readonly PlannedStage[];
  stale: boolean;
  /** Who has command of the lamps, as the controller says. */
  control: string | undefined;
}

/** Who decides at the junction although its own table is not what runs. */
const COMMANDS: readonly (string | undefined)[] = ['fault', 'panel', 'emergency_vehicle', 'emergency'];

/** The running stage with its countdown, and the planned ones after it. */
export function TimelineCard({ signal, awaited, plan, stale, control }: Props) {
  const { t } = useTranslation(['junction', 'signal']);
  const format = useFormat();
  const now = useNow(250);
  const timeline = signal && !stale ? timelineOf(signal.frame, signal.at, now, plan) : null;
  const aside = timeline && (
    <Text size="sm" c="dimmed">
      {t('timeline.second', { second: format.number(timeline.second) })}
    </Text>
  );
  const instead = !signal
    ? !awaited && t('timeline.unheard')
    : stale
      ? t('timeline.stale')
      : t('timeline.special', { state: t(`signal:state.${signal.frame.state}`) });
  return (
    <Section title={t('timeline.title')} aside={aside}>
      {timeline ? (
        <ol className={classes.line} data-testid="timeline">
          {timeline.segments.map((segment, index) => (
            <Piece
              key={`${index} ${segment.stage}`}
              segment={segment}
              state={signal?.frame.state ?? 'dark'}
              next={signal?.frame.next_stage}
              unending={signal?.frame.mode === 'emergency'}
            />
          ))}
        </ol>
      ) : (
        instead && <Text>{instead}</Text>
      )}
      {timeline && signal?.frame.plan_id === null && !COMMANDS.includes(control) && (
        <Text size="sm" c="dimmed">
          {t('timeline.noPlan')}
        </Text>
      )}
    </Section>
  );
}

interface PieceProps {
  segment: Segment;
  state: SignalState;
  next: string | null | undefined;
  /** A green of no set length: it lasts until what it is for ends. */
  unending: boolean;
}

function Piece({ segment, state, next, unending }: PieceProps) {
  const { t } = useTranslation(['junction', 'signal']);
  const format = useFormat();
  const { stage, kind, greenS, leastS, mostS, elapsedS, exact } = segment;
  const left = leftOf(segment);
  const seconds = (value: number) => format.seconds(Math.ceil(value));
  const range = exact
    ? t('timeline.exactly', { green: format.seconds(greenS) })
    : t('timeline.planned', {
        green: format.seconds(greenS),
        least: format.number(leastS),
        most: format.number(mostS),
      });
  // Of a green that no plan of the server's sets, nobody here knows how long it is.
  let note = greenS > 0 ? range : unending ? t('plan.untilItEnds') : null;
  if (kind === 'clearing') {
    note = t('timeline.clearing', { state: t(`signal:state.${state}`), stage: next ?? stage });
  } else if (kind === 'green' && greenS > 0) {
    note =
      left.most <= 0
        ? t('timeline.overdue')
        : exact || left.least === left.most
          ? t('timeline.leftExactly', { seconds: seconds(left.planned) })
          : t('timeline.left', { least: format.number(Math.ceil(left.least)), most: seconds(left.most) });
  }
  const share = mostS > 0 ? Math.min(1, elapsedS / mostS) : 0;
  return (
    <li
      className={classes.piece}
      data-kind={kind}
      data-state={kind === 'next' ? undefined : state}
      style={
        {
          flexGrow: Math.max(8, greenS),
          '--share': `${share * 100}%`,
          '--plan': `${mostS > 0 ? (100 * greenS) / mostS : 0}%`,
        } as React.CSSProperties
      }
    >
      <span className={classes.name}>{t('timeline.stage', { stage })}</span>
      {kind === 'green' && (
        <span className={classes.large}>
          {t('timeline.greenFor', { seconds: format.seconds(Math.floor(elapsedS)) })}
        </span>
      )}
      {note !== null && (
        <span className={classes.note} data-testid={kind === 'next' ? undefined : 'countdown'}>
          {note}
        </span>
      )}
      {kind === 'green' && mostS > 0 && (
        <span className={classes.bar} aria-hidden>
          <span className={classes.done} />
          {!exact && <span className={classes.tick} />}
        </span>
      )}
    </li>
  );
}
