import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { GROUND, heat, textOn } from '@/components/plot/palette';
import { wrapped } from '@/components/plot/picture';
import { useFormat } from '@/i18n/format';
import { WEEKDAYS, type Weekday } from './week';

interface Props {
  /** By weekday and hour; null: not watched. */
  value: (weekday: Weekday, hour: number) => number | null;
  most: number;
  title: string;
  text: string;
  drawing: RefObject<SVGSVGElement | null>;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
/** Height of a line of text above the drawing, and of a row of the legend below it. */
const LINE = 18;
/** Mean width of a letter of it, a little more than it is in any of the fonts. */
const LETTER = 7;
/** Colours of the legend. */
const SHADES = [0, 0.25, 0.5, 0.75, 1];
const SHADE = { width: 22, height: 14 };

/** The hours of a week, the darker the busier; hours stand below each other where there is little room. */
export function HeatMap({ value, most, title, text, drawing }: Props) {
  const { t } = useTranslation('analysis');
  const format = useFormat();
  const scheme = useComputedColorScheme('light');
  const { ref, width } = useElementSize();
  const upright = width < 620;
  const lines = wrapped(text, (line) => line.length * LETTER <= width);
  const head = 12 + (lines.length + 1) * LINE;
  const [columns, rows] = upright ? [7, 24] : [24, 7];
  const left = upright ? 48 : 60;
  const cell = { width: Math.max(12, (width - left) / columns), height: upright ? 24 : 34 };
  const foot = head + 22 + rows * cell.height + 8;
  const keys = upright ? 2 : 1;
  const size = { width: Math.max(200, width), height: foot + keys * LINE };
  const ink = scheme === 'dark' ? '#c9ccd3' : '#2b3240';
  const place = (day: number, hour: number) => {
    const [column, row] = upright ? [day, hour] : [hour, day];
    return { x: left + column * cell.width, y: head + 22 + row * cell.height };
  };
  const font = 'system-ui, Noto Sans, Noto Sans Devanagari, sans-serif';
  return (
    <div ref={ref}>
      <svg
        ref={drawing}
        width={size.width}
        height={size.height - head}
        viewBox={`0 ${head} ${size.width} ${size.height - head}`}
        data-whole={`0 0 ${size.width} ${size.height}`}
        role="img"
        aria-label={`${title}: ${text}`}
        fontFamily={font}
      >
        <rect width={size.width} height={size.height} fill={GROUND[scheme]} />
        <defs>
          <pattern id="unwatched" width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line x1={0} y1={0} x2={0} y2={6} stroke={ink} strokeOpacity={0.35} strokeWidth={1.5} />
          </pattern>
        </defs>
        <text x={0} y={16} fontSize={14} fontWeight={650} fill={ink}>
          {title}
        </text>
        {lines.map((line, at) => (
          <text key={at} x={0} y={34 + at * LINE} fontSize={12} fill={ink}>
            {line}
          </text>
        ))}
        {WEEKDAYS.map((weekday, day) => {
          const { x, y } = place(day, 0);
          return upright ? (
            <text key={weekday} x={x + cell.width / 2} y={head + 15} fontSize={12} textAnchor="middle" fill={ink}>
              {t(`weekday.${weekday}`)}
            </text>
          ) : (
            <text key={weekday} x={0} y={y + cell.height / 2 + 4} fontSize={12} fill={ink}>
              {t(`weekday.${weekday}`)}
            </text>
          );
        })}
        {HOURS.map((hour) => {
          const { x, y } = place(0, hour);
          const name = String(hour).padStart(2, '0');
          return upright ? (
            <text key={hour} x={0} y={y + cell.height / 2 + 4} fontSize={11} fill={ink}>
              {name}:00
            </text>
          ) : (
            <text key={hour} x={x + cell.width / 2} y={head + 15} fontSize={11} textAnchor="middle" fill={ink}>
              {name}
            </text>
          );
        })}
        {WEEKDAYS.flatMap((weekday, day) =>
          HOURS.map((hour) => {
            const { x, y } = place(day, hour);
            const known = value(weekday, hour);
            const fill = known === null ? 'url(#unwatched)' : heat(most > 0 ? known / most : 0, scheme);
            const label = known === null ? t('notWatched') : format.number(known);
            return (
              <g key={`${weekday}${hour}`}>
                <title>{`${t(`weekday.${weekday}`)} ${String(hour).padStart(2, '0')}:00: ${label}`}</title>
                <rect x={x} y={y} width={cell.width - 1} height={cell.height - 1} rx={3} fill={fill} />
                {known !== null && cell.width > 26 && (
                  <text
                    x={x + cell.width / 2}
                    y={y + cell.height / 2 + 4}
                    fontSize={11}
                    textAnchor="middle"
                    fill={textOn(fill)}
                  >
                    {format.number(known)}
                  </text>
                )}
              </g>
            );
          }),
        )}
        <g transform={`translate(${left}, ${foot})`} fontSize={12} fill={ink}>
          <text x={-8} y={11} textAnchor="end">
            {format.number(0)}
          </text>
          {SHADES.map((share, at) => (
            <rect key={share} x={at * SHADE.width} {...SHADE} fill={heat(share, scheme)} />
          ))}
          <text x={SHADES.length * SHADE.width + 8} y={11}>
            {`${format.number(most)} ${t('peaks.unit')}`}
          </text>
        </g>
        <g
          transform={`translate(${upright ? left : left + 340}, ${foot + (keys - 1) * LINE})`}
          fontSize={12}
          fill={ink}
        >
          <rect {...SHADE} fill="url(#unwatched)" />
          <text x={SHADE.width + 8} y={11}>
            {t('notWatched')}
          </text>
        </g>
      </svg>
    </div>
  );
}
