import { TextInput } from '@mantine/core';
import { fireEvent, render, screen } from '@testing-library/react';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startTexts } from '@/i18n';
import { Page } from '@/testing/page';
import { Dialog } from './Dialog';

beforeAll(startTexts);

describe('a dialog', () => {
  const open = (form: boolean) => {
    const close = vi.fn();
    render(
      <Dialog opened onClose={close} title="New" form={form}>
        <TextInput label="Name" />
      </Dialog>,
      { wrapper: Page },
    );
    return {
      close,
      type: () => fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'Mill Gate' } }),
      escape: () => fireEvent.keyDown(screen.getByLabelText('Name'), { key: 'Escape' }),
      outside: () => {
        const beside = document.querySelector('[class*="Modal-overlay"]');
        if (!beside) throw new Error('there is nothing beside the dialog');
        fireEvent.click(beside);
      },
    };
  };

  it('in which something is filled in keeps it', () => {
    const { close, type, escape, outside } = open(true);
    outside();
    expect(close).not.toHaveBeenCalled();
    type();
    escape();
    expect(close).not.toHaveBeenCalled();
  });

  it('in which nothing is changed yet goes by Escape', () => {
    const form = open(true);
    form.escape();
    expect(form.close).toHaveBeenCalledTimes(1);
  });

  it('that only asks goes by a click beside it', () => {
    const { close, outside } = open(false);
    outside();
    expect(close).toHaveBeenCalledTimes(1);
  });
});
