import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { beforeAll, expect, it } from 'vitest';
import type { Layout } from '@/api/types';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { bodyOf, type Draft, draftOf } from './draft';
import { Groups } from './Groups';

beforeAll(startTexts);

it('a pedestrian head has fields for its times and its button', () => {
  const groups = [
    { name: 'N', kind: 'vehicle', lanes: [] },
    { name: 'P', kind: 'pedestrian', lanes: [], walk_s: 8 },
  ];
  let body: ReturnType<typeof bodyOf> | undefined;
  function Edited() {
    const [draft, change] = useState<Draft>(() =>
      draftOf({ junction_id: 'j', lanes: [], groups, stages: [] } as unknown as Layout),
    );
    body = bodyOf(draft);
    return <Groups draft={draft} change={change} error={null} admin />;
  }
  render(<Edited />, { wrapper: Page });
  const type = (name: string, value: string) => fireEvent.change(screen.getByLabelText(name), { target: { value } });
  expect(screen.getByLabelText<HTMLInputElement>('Walk, s').value).toBe('8');
  type('Walk, s', '9.5');
  type('Clearance, s', '12');
  fireEvent.click(screen.getByLabelText('Push button'));
  expect(body?.groups?.[1]).toMatchObject({ walk_s: 9.5, clearance_s: 12, button: true });
  type('Walk, s', '');
  expect(body?.groups?.[1]).not.toHaveProperty('walk_s');
  expect(body?.groups?.[0]).not.toHaveProperty('button');
});
