import type { Aspect } from '@/live/frames';
import { type Colour, litBy, wordOf } from './aspects';
import classes from './Head.module.css';

/** What is in the lamps of a head: a full disc, an arrow, or a walking person. */
export type HeadKind = 'vehicle' | 'arrow' | 'pedestrian';

interface Props {
  aspect: Aspect | undefined;
  kind?: HeadKind;
  /** Degrees by which an arrow turns from straight ahead: -90 is left, 90 right. */
  turn?: number;
}

export const HEAD_WIDTH = 20;
const STEP = 17;
const RADIUS = 7;
const LETTERS: Record<Colour, string> = { red: 'R', amber: 'A', green: 'G' };

export const headHeight = (kind: HeadKind): number => 4 + STEP * (kind === 'pedestrian' ? 2 : 3);

/** A signal head around (0, 0), with a question mark while nobody knows what it shows: place, colour and letter (or shape) of the lit lamp say the same, so that no colour need be told apart. */
export function Head({ aspect, kind = 'vehicle', turn = 0 }: Props) {
  const lamps: Colour[] = kind === 'pedestrian' ? ['red', 'green'] : ['red', 'amber', 'green'];
  const { lamps: lit, flashes } = litBy(aspect);
  const unknown = wordOf(aspect) === 'unknown';
  const height = headHeight(kind);
  return (
    <g className={unknown ? classes.unknown : undefined}>
      <rect className={classes.housing} x={-HEAD_WIDTH / 2} y={-height / 2} width={HEAD_WIDTH} height={height} rx={5} />
      {lamps.map((colour, index) => {
        const y = -height / 2 + 2 + STEP / 2 + index * STEP;
        const isLit = lit.includes(colour);
        return (
          <g key={colour} transform={`translate(0 ${y})`}>
            <g className={isLit && flashes ? classes.flashing : undefined}>
              <circle className={`${classes.lamp} ${isLit ? classes[colour] : ''}`} r={RADIUS} />
              {isLit && <Sign colour={colour} kind={kind} turn={turn} />}
            </g>
            {/* Where nothing moves, as in a picture or for who has asked for that, it still says that the lamp flashes. */}
            {isLit && flashes && <circle className={classes.ring} r={RADIUS + 0.8} data-testid="flashes" />}
          </g>
        );
      })}
      {unknown && (
        <text className={classes.question} y={5}>
          ?
        </text>
      )}
    </g>
  );
}

function Sign({ colour, kind, turn }: { colour: Colour; kind: HeadKind; turn: number }) {
  if (kind === 'arrow') {
    return <path className={classes.sign} d="M0 -5 L4 0 H1.3 V5 H-1.3 V0 H-4 Z" transform={`rotate(${turn})`} />;
  }
  if (kind === 'pedestrian') {
    const legs = colour === 'green' ? 'M0 1 L-2.6 5 M0 1 L2.6 5' : 'M-0.8 1 V5.2 M0.8 1 V5.2';
    return (
      <g className={classes.walker}>
        <circle cy={-3.6} r={1.5} />
        <path d={`M0 -2 V1 ${legs}`} />
      </g>
    );
  }
  return (
    <text className={classes.letter} y={3.4}>
      {LETTERS[colour]}
    </text>
  );
}
