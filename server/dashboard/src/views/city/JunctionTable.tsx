import { Anchor, Badge, Button, Table, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { memo, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';
import classes from './City.module.css';
import { SEVERITIES, severityColor } from '@/components/alarms/severity';
import { byImportance } from './names';
import { QUEUE_SIGNS, StateSign } from './StateSign';
import type { JunctionState } from './states';

const congestionColor = { low: 'green', mid: 'yellow', high: 'red' } as const;

/** The worse an alarm is, the longer its sign. */
const SEVERITY_SIGNS = { info: 'i', warning: '!', error: '!!', critical: '!!!' } as const;

/** Rows that are drawn at once: a long table is laid out anew with each change, and nobody reads so far. */
const STEP = 100;

/** The junctions as a list, those first that need somebody. */
export function JunctionTable({ states }: { states: JunctionState[] }) {
  const { t } = useTranslation('city');
  const [most, setMost] = useState(STEP);
  const kept = useKeptFocus<HTMLDivElement>();
  const sorted = useMemo(() => byImportance(states), [states]);
  if (states.length === 0) return <Text c="dimmed">{t('list.none')}</Text>;
  return (
    // The browser's own bar: it is there where rows are out of sight, as nothing else tells of them.
    <div className={classes.long}>
      <Table
        layout="fixed"
        miw={{ base: 0, sm: 560 }}
        highlightOnHover
        stickyHeader
        verticalSpacing={6}
        horizontalSpacing={5}
        fz="sm"
      >
        <Table.Thead fz="xs">
          <Table.Tr>
            <Table.Th w={{ base: '31%', sm: '20%' }}>{t('list.name')}</Table.Th>
            <Table.Th w={{ base: '38%', sm: '23%' }}>{t('list.state')}</Table.Th>
            <Table.Th visibleFrom="xs" w={{ sm: '17%' }}>
              {t('list.signal')}
            </Table.Th>
            <Table.Th w={{ base: '15%', sm: '17%' }}>{t('list.queue')}</Table.Th>
            <Table.Th visibleFrom="sm" w="13%">
              {t('list.vehicles')}
            </Table.Th>
            <Table.Th w={{ base: '16%', sm: '10%' }}>{t('list.alarms')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorted.slice(0, most).map((state) => (
            <Row key={state.id} state={state} />
          ))}
        </Table.Tbody>
      </Table>
      {states.length > STEP && (
        // Who has come to its end by the keyboard stays there once there is no more.
        <div {...kept}>
          {states.length > most && (
            <Button fullWidth variant="subtle" onClick={() => setMost(most + STEP)}>
              {t('more', { ns: 'common' })}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

const Row = memo(function Row({ state }: { state: JunctionState }) {
  const { t } = useTranslation(['city', 'signal', 'common']);
  const format = useFormat();
  const worst = SEVERITIES.find((severity) => severity === state.severity);
  const stale = state.staleS == null ? null : t('common:stale', { age: format.age(state.staleS) });
  return (
    <Table.Tr data-testid="junction-row">
      <Table.Td>
        <Anchor component={Link} to={`/junctions/${state.id}`} fw={600} size="sm">
          {state.name}
        </Anchor>
        <Text size="xs" c="dimmed" visibleFrom="sm">
          {state.city}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateSign kind={state.kind} />
        {stale && (
          <Text size="xs" c="dimmed" hiddenFrom="xs" data-testid="stale-below">
            {stale}
          </Text>
        )}
        {state.fault && (
          <Text size="xs" className={classes.bad} lang="en">
            {state.fault}
          </Text>
        )}
      </Table.Td>
      <Table.Td visibleFrom="xs">
        {stale ? (
          <Text size="xs" c="dimmed" data-testid="stale">
            {stale}
          </Text>
        ) : (
          <Text size="sm">{signalText(state, t)}</Text>
        )}
      </Table.Td>
      <Table.Td>
        {state.queue !== null && (
          <Tooltip label={t('congestionHint')}>
            <Badge variant="light" color={congestionColor[state.congestion ?? 'low']} px={6} miw="max-content">
              {format.number(state.queue)}
              {state.congestion && (
                <>
                  <Text span inherit aria-hidden>{` ${QUEUE_SIGNS[state.congestion]}`}</Text>
                  <Text span inherit visibleFrom="sm">{` ${t(`congestion.${state.congestion}`)}`}</Text>
                  <Text span inherit hiddenFrom="sm">
                    <VisuallyHidden>{t(`congestion.${state.congestion}`)}</VisuallyHidden>
                  </Text>
                </>
              )}
            </Badge>
          </Tooltip>
        )}
      </Table.Td>
      <Table.Td visibleFrom="sm">{format.number(state.vehicles)}</Table.Td>
      <Table.Td>
        {state.alarms > 0 && (
          <Badge color={severityColor(state.severity)} variant="filled" autoContrast px={6} miw="max-content">
            {format.number(state.alarms)}
            {worst && (
              <>
                <Text span inherit aria-hidden>{` ${SEVERITY_SIGNS[worst]}`}</Text>
                <VisuallyHidden>{` ${t(`severity.${worst}`)}`}</VisuallyHidden>
              </>
            )}
          </Badge>
        )}
      </Table.Td>
    </Table.Tr>
  );
});

type Translate = ReturnType<typeof useTranslation<['city', 'signal', 'common']>>['t'];

function signalText(state: JunctionState, t: Translate): string {
  if (state.signal === null) return '';
  const word = t(`signal:state.${state.signal}`);
  return state.stage === null ? word : t('list.stage', { stage: state.stage, state: word });
}
