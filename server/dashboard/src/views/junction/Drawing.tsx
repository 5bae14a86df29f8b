import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Layout } from '@/api/types';
import { Head } from '@/components/lamps/Head';
import { litBy, wordOf } from '@/components/lamps/aspects';
import { useFormat } from '@/i18n/format';
import type { Aspect } from '@/live/frames';
import classes from './Drawing.module.css';
import {
  type Approach,
  CAR_LENGTH,
  CAR_WIDTH,
  cornerOf,
  drawingOf,
  groupsOf,
  LANE_WIDTH,
  type PlacedLane,
  toPicture,
} from './geometry';

interface Props {
  layout: Layout;
  aspects: Readonly<Record<string, Aspect>>;
  stale: boolean;
  /** Vehicles of each lane in the last minutes, by lane id. */
  counts: ReadonlyMap<string, number>;
  /** Vehicles at the stop line, by lane id. */
  waiting: ReadonlyMap<string, number>;
}

/** The junction from above: its real lanes with counts and queues, and its heads with what they show. */
export function Drawing({ layout, aspects, stale, counts, waiting }: Props) {
  const { t } = useTranslation(['junction', 'signal']);
  const drawing = useMemo(() => drawingOf(layout), [layout]);
  const groups = useMemo(() => groupsOf(layout), [layout]);
  const { inner, length, outer, approaches, heads } = drawing;
  const shownBy = (group: string) => (stale ? undefined : aspects[group]);
  const said = (group: string) => `${group} ${t(`signal:aspect.${wordOf(shownBy(group))}`)}`;
  const colourOf = (lane: PlacedLane) => {
    const shown = groups.filter((group) => group.kind !== 'pedestrian' && group.lanes.includes(lane.id));
    const lamps = shown.flatMap((group) => litBy(shownBy(group.name)).lamps);
    return (['green', 'amber', 'red'] as const).find((colour) => lamps.includes(colour));
  };
  return (
    <svg
      viewBox={`${-outer} ${-outer} ${2 * outer} ${2 * outer}`}
      className={classes.drawing}
      role="img"
      aria-label={t('drawing.label', { groups: groups.map((group) => said(group.name)).join(', ') })}
      data-testid="drawing"
    >
      <path className={classes.road} d={surface(approaches, inner)} />
      {approaches.map((approach) => (
        <Road key={approach.direction} {...{ approach, inner, length }} colourOf={colourOf} waiting={waiting} />
      ))}
      {approaches.flatMap((approach) =>
        approach.lanes.map((lane) => (
          <LaneText
            key={lane.id}
            {...{ approach, lane, inner, length }}
            count={counts.get(lane.id)}
            waiting={waiting.get(lane.id) ?? 0}
          />
        )),
      )}
      {heads.map((head) => {
        const { x, y } = toPicture(head.bearing, head.x, head.y);
        return (
          <g
            key={`${head.group} ${head.bearing}`}
            transform={`translate(${x} ${y})`}
            data-testid={`head-${head.group}`}
            data-aspect={wordOf(shownBy(head.group))}
          >
            <title>{said(head.group)}</title>
            <Head aspect={shownBy(head.group)} kind={head.kind} turn={head.turn} />
          </g>
        );
      })}
      {approaches.map(({ direction, bearing }) => {
        const { x, y } = toPicture(bearing, 0, -outer + 24);
        return (
          <text key={direction} className={classes.side} x={x} y={y + 5}>
            {t(`signal:direction.${direction}`)}
          </text>
        );
      })}
    </svg>
  );
}

/** The middle: from stop line to stop line, its corners rounded by the kerbs. */
function surface(approaches: Approach[], inner: number): string {
  const sorted = [...approaches].sort((a, b) => a.bearing - b.bearing);
  const text = ({ x, y }: { x: number; y: number }) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const parts = sorted.map(({ bearing, half }, index) => {
    const next = sorted[(index + 1) % sorted.length];
    const line = `${index === 0 ? 'M' : ''}${text(toPicture(bearing, -half, -inner))}L${text(toPicture(bearing, half, -inner))}`;
    if (!next) return line;
    const corner = cornerOf({ bearing, half }, next);
    return corner === null ? `${line}L` : `${line}Q${text(corner)} `;
  });
  const first = sorted[0];
  return first ? `${parts.join('')}${text(toPicture(first.bearing, -first.half, -inner))}Z` : '';
}

interface RoadProps {
  approach: Approach;
  inner: number;
  length: number;
  colourOf: (lane: PlacedLane) => 'green' | 'amber' | 'red' | undefined;
  waiting: ReadonlyMap<string, number>;
}

/** As many as fit between the head and the outer end; how many more there are is written behind them. */
const MOST_CARS = 5;
/** From one to the next. */
const CAR_STEP = 15;

function Road({ approach, inner, length, colourOf, waiting }: RoadProps) {
  const { bearing, half, lanes } = approach;
  const top = -inner - length;
  return (
    <g transform={`rotate(${bearing})`}>
      <rect className={classes.road} x={-half} y={top} width={2 * half} height={length} />
      <path className={classes.edge} d={`M${-half} ${top}V${-inner}M${half} ${top}V${-inner}`} />
      <path className={classes.centre} d={`M0 ${top}V${-inner}`} />
      {lanes.slice(1).map((lane) => (
        <path key={lane.id} className={classes.mark} d={`M${lane.x + LANE_WIDTH / 2} ${top}V${-inner}`} />
      ))}
      {lanes.map((lane) => (
        <g key={lane.id}>
          <rect
            className={`${classes.stop} ${classes[colourOf(lane) ?? 'unlit']}`}
            x={lane.x - LANE_WIDTH / 2 + 1}
            y={-inner - 7}
            width={LANE_WIDTH - 2}
            height={6}
          />
          {Array.from({ length: Math.min(MOST_CARS, Math.round(waiting.get(lane.id) ?? 0)) }, (_, index) => (
            <rect
              key={index}
              className={classes.car}
              x={lane.x - CAR_WIDTH / 2}
              y={-inner - lane.cars - index * CAR_STEP}
              width={CAR_WIDTH}
              height={CAR_LENGTH}
              rx={3}
            />
          ))}
        </g>
      ))}
    </g>
  );
}

function LaneText({
  approach,
  lane,
  inner,
  length,
  count,
  waiting,
}: {
  approach: Approach;
  lane: PlacedLane;
  inner: number;
  length: number;
  count: number | undefined;
  waiting: number;
}) {
  const format = useFormat();
  const name = toPicture(approach.bearing, lane.x, -inner + 12);
  const more = Math.round(waiting) - MOST_CARS;
  const behind = toPicture(approach.bearing, lane.x, -inner - lane.cars - (MOST_CARS - 1) * CAR_STEP - 14);
  const outside = toPicture(approach.bearing, lane.x, -inner - length + 12);
  return (
    <>
      <text className={classes.name} x={name.x} y={name.y + 4}>
        {lane.name}
      </text>
      {more > 0 && (
        <text className={classes.more} x={behind.x} y={behind.y + 4} data-testid={`more-${lane.name}`}>
          +{format.number(more)}
        </text>
      )}
      <text className={classes.count} x={outside.x} y={outside.y + 4} data-testid={`count-${lane.name}`}>
        {count === undefined ? '' : format.number(count)}
      </text>
    </>
  );
}
