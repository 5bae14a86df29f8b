import { Alert, Fieldset, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { api, type Tag, tagged } from '@/api/client';
import { layoutOptions, useLayout } from '@/api/junctions';
import { useMe } from '@/api/me';
import type { Layout } from '@/api/types';
import { Fetched } from '@/components/Fetched';
import { JunctionHead } from '@/components/junction/JunctionHead';
import { SaveBar } from '@/components/edits/SaveBar';
import { SaveRefusal } from '@/components/edits/SaveRefusal';
import { useEdited } from '@/components/edits/useEdited';
import { useSave } from '@/components/edits/useSave';
import { tellDone } from '@/components/notify';
import { bodyOf, draftOf, isComplete } from './draft';
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
    <Fetched whole query={layout} height={480}>
      {(entry) => (
        <Stack>
          <JunctionHead layout={entry} here="layout" />
          <Editor key={junctionId} layout={entry} />
        </Stack>
      )}
    </Fetched>
  );
}

/** A time has no number: nothing was sent. */
class Incomplete extends Error {}

function Editor({ layout }: { layout: Layout & Tag }) {
  const { t } = useTranslation('layout');
  const id = layout.junction_id;
  const admin = useMe().data?.is_admin ?? false;
  const client = useQueryClient();
  const edited = useEdited(draftOf(layout), layout.tag);
  const draft = edited.value;
  const saving = useSave({
    edited,
    queryKey: layoutOptions(id).queryKey,
    put: (value, header) =>
      isComplete(value)
        ? tagged(
            api.PUT('/api/junctions/{junction_id}/lanes', {
              params: { path: { junction_id: id }, header },
              body: bodyOf(value),
            }),
          )
        : Promise.reject(new Incomplete(t('incomplete'))),
    onSaved: () => {
      tellDone(t('saved'));
      void client.invalidateQueries({ queryKey: ['junction', id] });
    },
  });
  // What was missing is there now: of that nothing more is said.
  const error = saving.error instanceof Incomplete && isComplete(draft) ? null : saving.error;
  const part: PartProps = { draft, change: edited.change, error, admin };
  return (
    <>
      <Alert color="blue">{admin ? t('roadRules') : t('onlyAdmins')}</Alert>
      <SaveRefusal error={error} outdated={edited.outdated} load={saving.load} overwrite={saving.overwrite} />
      <Fieldset variant="unstyled" m={0} disabled={!admin || saving.isPending} aria-label={t('title')}>
        <Stack>
          <Lanes {...part} />
          <Groups {...part} />
          <Stages {...part} />
          <Pairs {...part} />
          <Intergreens {...part} />
          <SignalTimes {...part} />
        </Stack>
      </Fieldset>
      <SaveBar changed={edited.changed} saving={saving.isPending} save={saving.save} discard={saving.discard} />
    </>
  );
}
