import { Alert, Fieldset, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { api, data } from '@/api/client';
import { useLayout } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { JunctionHead } from '@/components/junction/JunctionHead';
import { SaveBar } from '@/components/junction/SaveBar';
import { Refusal } from '@/components/Refusal';
import { tellDone } from '@/components/notify';
import { bodyOf, type Draft, draftOf } from './draft';
import { Groups } from './Groups';
import { Lanes } from './Lanes';
import { Intergreens, Pairs } from './Pairs';
import type { PartProps } from './parts';
import { SignalTimes } from './SignalTimes';
import { Stages } from './Stages';

/** Lanes, signal groups and stages of a junction, and what may be green together. */
export function LayoutView() {
  const { junctionId = '' } = useParams();
  const layout = useLayout(junctionId);
  return (
    <Fetched query={layout} height={480}>
      {(entry) => (
        <Stack>
          <JunctionHead layout={entry} here="layout" />
          <Editor layout={entry} />
        </Stack>
      )}
    </Fetched>
  );
}

function Editor({ layout }: { layout: Layout }) {
  const { t } = useTranslation('layout');
  const id = layout.junction_id;
  const admin = useMe().data?.is_admin ?? false;
  const client = useQueryClient();
  // What is changed and not saved yet; null: nothing.
  const [edited, setEdited] = useState<Draft | null>(null);
  const draft = edited ?? draftOf(layout);
  const save = useMutation({
    mutationFn: () =>
      data(
        api.PUT('/api/junctions/{junction_id}/lanes', { params: { path: { junction_id: id } }, body: bodyOf(draft) }),
      ),
    onSuccess: (now) => {
      client.setQueryData(['junction', id, 'layout'], now);
      setEdited(null);
      tellDone(t('saved'));
      void client.invalidateQueries({ queryKey: ['junction', id] });
    },
  });
  const part: PartProps = {
    draft,
    change: (next) => setEdited((before) => next(before ?? draftOf(layout))),
    error: save.error,
    admin,
  };
  return (
    <>
      <Alert color="blue">{admin ? t('roadRules') : t('onlyAdmins')}</Alert>
      <Refusal error={save.error} />
      <Fieldset variant="unstyled" m={0} disabled={!admin} aria-label={t('title')}>
        <Stack>
          <Lanes {...part} />
          <Groups {...part} />
          <Stages {...part} />
          <Pairs {...part} />
          <Intergreens {...part} />
          <SignalTimes {...part} />
        </Stack>
      </Fieldset>
      <SaveBar
        changed={edited !== null}
        saving={save.isPending}
        save={() => save.mutate()}
        discard={() => {
          setEdited(null);
          save.reset();
        }}
      />
    </>
  );
}
