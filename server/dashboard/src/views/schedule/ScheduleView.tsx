import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { CalendarPlus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { api, type Tag, tagged } from '@/api/client';
import { useLayout } from '@/api/junctions';
import { useMayOperate } from '@/api/me';
import type { components } from '@/api/schema';
import type { Layout } from '@/api/types';
import { Dialog } from '@/components/Dialog';
import { Fetched } from '@/components/Fetched';
import { JunctionHead } from '@/components/junction/JunctionHead';
import { SaveBar } from '@/components/edits/SaveBar';
import { SaveRefusal } from '@/components/edits/SaveRefusal';
import { useEdited } from '@/components/edits/useEdited';
import { useSave } from '@/components/edits/useSave';
import { Section } from '@/components/Section';
import { useKeptFocus } from '@/components/useKeptFocus';
import { useFormat } from '@/i18n/format';
import { tellDone } from '@/components/notify';
import { CityHolidays } from './CityHolidays';
import { type Draft, draftOf, entryOf, newDraft } from './draft';
import { EntryForm } from './EntryForm';
import { EntryList } from './EntryList';
import { Holidays } from './Holidays';
import { scheduleOptions } from './queries';
import { useHolding } from './useHolding';
import { type Day, timeOf } from './week';
import { WeekGrid } from './WeekGrid';
import classes from './WeekGrid.module.css';

type Answer = components['schemas']['ScheduleAnswer'] & Tag;

/** What holds at a junction by day and hour. */
export function ScheduleView() {
  const { junctionId = '' } = useParams();
  const layout = useLayout(junctionId);
  const schedule = useQuery(scheduleOptions(junctionId));
  return (
    <Fetched whole query={layout} height={480}>
      {(entry) => (
        <Stack>
          <JunctionHead layout={entry} here="schedule" />
          <Fetched query={schedule} height={480}>
            {(answer) => <Editor key={junctionId} layout={entry} answer={answer} />}
          </Fetched>
        </Stack>
      )}
    </Fetched>
  );
}

/** An entry in the form, and its place in the schedule; null: it is new. */
interface Open {
  at: number | null;
  draft: Draft;
}

function Editor({ layout, answer }: { layout: Layout; answer: Answer }) {
  const { t } = useTranslation('schedule');
  const id = layout.junction_id;
  const format = useFormat(answer.time_zone);
  const mayOperate = useMayOperate(id);
  const edited = useEdited<Pick<Answer, 'entries' | 'holidays'>>(
    { entries: answer.entries, holidays: answer.holidays },
    answer.tag,
  );
  const kept = useKeptFocus<HTMLDivElement>();
  const [open, setOpen] = useState<Open | null>(null);
  const { entries, holidays } = edited.value;
  const saving = useSave({
    edited,
    queryKey: scheduleOptions(id).queryKey,
    put: (body, header) =>
      tagged(api.PUT('/api/junctions/{junction_id}/schedule', { params: { path: { junction_id: id }, header }, body })),
    onSaved: () => tellDone(t('saved')),
  });
  const change = (part: Partial<Pick<Answer, 'entries' | 'holidays'>>) =>
    edited.change((before) => ({ ...before, ...part }));
  const close = () => setOpen(null);
  const apply = (draft: Draft) => {
    const entry = entryOf(draft);
    const at = open?.at ?? null;
    change({ entries: at === null ? [...entries, entry] : entries.map((own, other) => (other === at ? entry : own)) });
    close();
  };
  const remove = (at: number) => {
    change({ entries: entries.filter((_, other) => other !== at) });
    close();
  };
  const stages = layout.stages.map(({ stage }) => stage);
  const choose = (at: number) => {
    const entry = entries[at];
    if (entry) setOpen({ at, draft: draftOf(entry, stages) });
  };
  const add = (day: Day, hour: number) =>
    setOpen({ at: null, draft: newDraft(day, timeOf(hour * 60), timeOf(((hour + 1) % 24) * 60), layout.stages) });
  const holding = useHolding(answer.now);
  const now = edited.changed ? null : holding;
  return (
    <>
      {now && (
        <Alert color="blue" role="status">
          {now.until
            ? t('holdsUntil', { name: now.entry, until: format.dateTime(now.until) })
            : t('holds', { name: now.entry })}
        </Alert>
      )}
      <SaveRefusal error={saving.error} outdated={edited.outdated} load={saving.load} overwrite={saving.overwrite} />
      <Section
        title={t('week')}
        text={t('weekText', { zone: answer.time_zone })}
        aside={
          mayOperate && (
            <Button leftSection={<CalendarPlus size={16} aria-hidden />} onClick={() => add('mon', 7)}>
              {t('add')}
            </Button>
          )
        }
      >
        <Stack gap="sm" {...kept}>
          <WeekGrid entries={entries} now={now?.entry ?? null} choose={choose} {...(mayOperate ? { add } : {})} />
          <Group gap="lg">
            {(['plan', 'limits'] as const).map((kind) => (
              <Text key={kind} size="sm">
                <span aria-hidden className={classes.key} data-kind={kind} /> {t(kind)}
              </Text>
            ))}
          </Group>
          <EntryList entries={entries} error={saving.error} choose={choose} />
        </Stack>
      </Section>
      <Section title={t('holidays')} text={t('holidaysText')}>
        <Holidays
          label={t('holidays')}
          holidays={holidays}
          {...(mayOperate ? { change: (list) => change({ holidays: list }) } : {})}
        />
      </Section>
      <CityHolidays key={layout.city} city={layout.city} junction={id} holidays={answer.city_holidays} />
      <SaveBar changed={edited.changed} saving={saving.isPending} save={saving.save} discard={saving.discard} />
      <Dialog form opened={open !== null} onClose={close} title={open?.at === null ? t('add') : t('entry')}>
        {open && (
          <fieldset disabled={!mayOperate} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
            <EntryForm
              draft={open.draft}
              layout={layout}
              apply={apply}
              {...(open.at === null ? {} : { remove: () => open.at !== null && remove(open.at) })}
            />
          </fieldset>
        )}
      </Dialog>
    </>
  );
}
