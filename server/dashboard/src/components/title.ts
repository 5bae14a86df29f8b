let [view, waiting] = ['', 0];

const write = (): void => {
  document.title = waiting > 0 ? `(${waiting}) ${view}` : view;
};

/** The title of the browser's tab: the view, behind how many alarms want somebody. */
export const titled = {
  view(text: string): void {
    view = text;
    write();
  },
  urgent(count: number): void {
    waiting = count;
    write();
  },
};
