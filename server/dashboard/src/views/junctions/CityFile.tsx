import { Alert, Button, FileButton, Group, Stack } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, data } from '@/api/client';
import type { Junction } from '@/api/types';
import { Confirm } from '@/components/Confirm';
import { saveFile } from '@/components/files';
import { Refusal } from '@/components/Refusal';
import { tellDone } from '@/components/notify';
import { useFormat } from '@/i18n/format';
import { type Outlook, readCityFile } from './cityFile';

/** All junctions with their links as one file, out and in. While it is not `known` what there is, nobody can say what an import replaces. */
export function CityFile({ known }: { known: Junction[] | undefined }) {
  const { t } = useTranslation('junctions');
  const client = useQueryClient();
  const format = useFormat();
  const [outlook, setOutlook] = useState<Outlook | null>(null);
  const reset = useRef<() => void>(null);
  const [unreadable, setUnreadable] = useState(false);
  const save = useMutation({
    mutationFn: () => data(api.GET('/api/junctions/export')),
    onSuccess: (file) => saveFile('junctions.json', `${JSON.stringify(file, null, 2)}\n`, 'application/json'),
  });
  const read = async (file: File | null) => {
    if (!file) return;
    // The same file may be chosen again once it is mended. Not while the browser still tells of it: it may put it there once more.
    const text = await file.text().finally(() => reset.current?.());
    const found = readCityFile(text, new Set(known?.map(({ junction_id }) => junction_id)));
    setUnreadable(found === null);
    setOutlook(found);
  };
  const names = (list: string[]) => (list.length === 0 ? t('file.none') : list.join(', '));
  const asked = outlook && {
    title: t('file.import'),
    text: t('file.outlook', {
      created: names(outlook.created),
      replaced: names(outlook.replaced),
      links: format.number(outlook.links),
    }),
    action: t('file.importNow'),
    run: async () => {
      const done = await data(api.POST('/api/junctions/import', { body: outlook.file }));
      await client.invalidateQueries();
      const value = (count: number) => ({ count, value: format.number(count) });
      const junctions = t('file.junctions', value(done.junctions));
      tellDone(t('file.done', { junctions, links: t('file.links', value(done.links)) }));
    },
  };
  return (
    <Stack>
      <Refusal error={save.error} />
      {unreadable && (
        <Alert color="red" role="alert">
          {t('file.unreadable')}
        </Alert>
      )}
      <Group>
        <Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>
          {t('file.export')}
        </Button>
        <FileButton resetRef={reset} onChange={(file) => void read(file)} accept="application/json,.json">
          {(props) => (
            <Button variant="default" disabled={!known} {...props}>
              {t('file.choose')}
            </Button>
          )}
        </FileButton>
      </Group>
      <Confirm asked={asked} onClose={() => setOutlook(null)} />
    </Stack>
  );
}
