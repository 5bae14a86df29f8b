/** What Chromium traces of a task, microseconds. */
interface Event {
  ph: string;
  pid: number;
  tid: number;
  name: string;
  /** By the clock. */
  dur?: number;
  /** On the processor. */
  tdur?: number;
  args?: { name?: string };
}

/** Processor time of the longest task of the page in a trace of the category `toplevel`, milliseconds; other programs do not lengthen it. */
export function longestTaskMs(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: Event[] };
  const thread = ({ pid, tid }: Event) => `${pid} ${tid}`;
  const named = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const drawing = new Set(named.map(thread));
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && drawing.has(thread(event)));
  if (tasks.length === 0) throw new Error('the trace has no task of a page');
  return Math.max(...tasks.map(({ tdur }) => tdur ?? 0)) / 1000;
}
