import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { Download } from 'lucide-react';
import { type SubmitEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { clock } from '@/api/clock';
import { Dialog } from '@/components/Dialog';
import { csvOf, fileName, saveFile } from '@/components/files';
import { tellDone } from '@/components/notify';
import { Refusal } from '@/components/Refusal';
import { DEFAULT_ZONE, useFormat } from '@/i18n/format';
import { localOf } from '@/i18n/zoned';
import { TimeField } from './TimeField';
import { MOST_ROWS, type SoFar, type SpanFile, wholeSpan } from './wholeSpan';

/** Lengths that are offered, days. */
const LENGTHS = [1, 7, 31];
const DAY_MS = 86_400_000;

/** Saves what a list holds of a span that is asked for, not only the rows that are shown. */
export function SaveSpan<R>({ file }: { file: SpanFile<R> }) {
  const { t } = useTranslation('lists');
  const [opened, setOpened] = useState(false);
  const close = () => setOpened(false);
  return (
    <>
      <Button
        variant="subtle"
        size="compact-sm"
        ml={-8}
        leftSection={<Download size={16} aria-hidden />}
        onClick={() => setOpened(true)}
      >
        {t('save.open')}
      </Button>
      {/* A click beside it neither loses the span that is filled in nor ends what may have been fetched for minutes. */}
      <Dialog form opened={opened} onClose={close} title={t('save.title', { what: file.names.join(' · ') })}>
        <Form file={file} onClose={close} />
      </Dialog>
    </>
  );
}

/** Whole minutes, as the fields show them. */
const minute = (at: number) => new Date(Math.floor(at / 60_000) * 60_000).toISOString();

function Form<R>({ file, onClose }: { file: SpanFile<R>; onClose: () => void }) {
  const { t } = useTranslation('lists');
  const { zone = DEFAULT_ZONE } = file;
  const format = useFormat(zone);
  const [from, setFrom] = useState<string | null>(() => minute(clock.there() - DAY_MS));
  // Nothing: until now, whenever that is.
  const [to, setTo] = useState<string | null>(null);
  const [soFar, setSoFar] = useState<SoFar | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  // Who closes the dialog or goes elsewhere wants no file any more.
  const work = useRef<AbortController>(null);
  useEffect(() => () => work.current?.abort(), []);

  const save = async (start: string) => {
    const span = { from: start, to: to ?? new Date(clock.there()).toISOString() };
    const { signal } = (work.current = new AbortController());
    setSaid(null);
    setError(null);
    setSoFar({ rows: 0, back: null });
    try {
      const { cells, cutAt } = await wholeSpan(file, span, signal, setSoFar);
      setSoFar(null);
      if (cells.length === 0) {
        setSaid(t('save.nothing'));
        return;
      }
      const name = fileName(...file.names, localOf(cutAt ?? span.from, zone), localOf(span.to, zone));
      saveFile(`${name}.csv`, csvOf(file.header, cells), 'text/csv');
      const rows = format.number(cells.length);
      if (cutAt === null) {
        tellDone(t('save.done', { count: cells.length, rows }));
        onClose();
        return;
      }
      // The next file goes on where this one ends.
      setTo(cutAt);
      setSaid(t('save.cut', { rows, at: format.fullTime(cutAt) }));
    } catch (failure) {
      setSoFar(null);
      if (!signal.aborted) setError(failure);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (from) void save(from);
  };
  const last = (days: number) => {
    setFrom(minute(clock.there() - days * DAY_MS));
    setTo(null);
  };
  const isBusy = soFar !== null;
  const wrong = from !== null && to !== null && Date.parse(from) >= Date.parse(to) ? t('save.order') : undefined;
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t('save.text', { most: format.number(MOST_ROWS) })}</Text>
        <Group gap={4} role="group" aria-label={t('save.span')}>
          {LENGTHS.map((days) => (
            <Button key={days} variant="default" size="compact-sm" disabled={isBusy} onClick={() => last(days)}>
              {t('save.last', { count: days })}
            </Button>
          ))}
        </Group>
        <Group align="flex-start">
          <TimeField label={t('from')} value={from} zone={zone} onChange={setFrom} required error={wrong} />
          <TimeField label={t('to')} value={to} zone={zone} onChange={setTo} description={t('save.untilNow')} />
        </Group>
        <Refusal error={error} />
        {said && (
          <Alert color="yellow" role="status">
            {said}
          </Alert>
        )}
        {soFar && <Going soFar={soFar} from={from} to={to} zone={zone} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={isBusy ? () => work.current?.abort() : onClose}>
            {t(isBusy ? 'cancel' : 'close', { ns: 'common' })}
          </Button>
          <Button type="submit" loading={isBusy} disabled={from === null || wrong !== undefined}>
            {t('save.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** How far it is, by the times of the rows: how many there are nobody knows before. */
function Going({ soFar, from, to, zone }: { soFar: SoFar; from: string | null; to: string | null; zone: string }) {
  const { t } = useTranslation('lists');
  const format = useFormat(zone);
  const [start, end] = [Date.parse(from ?? ''), to ? Date.parse(to) : clock.there()];
  const share = soFar.back ? (end - Date.parse(soFar.back)) / (end - start) : 0;
  const rows = format.number(soFar.rows);
  return (
    <Stack gap={4}>
      <Progress value={100 * Math.min(1, Math.max(0, share))} aria-label={t('save.progress')} />
      <Text size="sm" c="dimmed">
        {soFar.back
          ? t('save.soFar', { count: soFar.rows, rows, at: format.fullTime(soFar.back) })
          : t('loading', { ns: 'common' })}
      </Text>
    </Stack>
  );
}
