import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';

const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
/** Lines of an error that say what was wanted and what was there. */
const LINES = 4;

/** Says at the very end in a few lines what failed: of a long output often only the end is kept. */
export default class Shortly implements Reporter {
  private readonly failed: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === test.expectedStatus) return;
    const lines = (result.error?.message ?? result.status).replace(COLOURS, '').split('\n');
    const told = lines.map((line) => line.trim()).filter((line) => line !== '');
    const line = result.error?.location?.line ?? test.location.line;
    this.failed.push(`${test.title} (line ${line}): ${told.slice(0, LINES).join(' | ')}`);
  }

  onEnd(): void {
    for (const text of this.failed) process.stdout.write(`failed: ${text}\n`);
  }
}
