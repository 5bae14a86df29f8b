import type { Page, WebSocketRoute } from '@playwright/test';

/** The line of a page's live feed, which a test can cut and mend. */
export class Line {
  private intact = true;
  /** How often the page has tried to connect. */
  attempts = 0;
  private readonly open = new Set<WebSocketRoute>();

  static async of(page: Page): Promise<Line> {
    const line = new Line();
    await page.routeWebSocket(/\/ws\/live$/, (socket) => {
      line.attempts++;
      if (!line.intact) return void socket.close({ code: 1011 });
      socket.connectToServer();
      line.open.add(socket);
    });
    return line;
  }

  /** Ends what is open, and lets nothing new through. */
  async cut(): Promise<void> {
    this.intact = false;
    for (const socket of this.open) await socket.close({ code: 1011 });
    this.open.clear();
  }

  mend(): void {
    this.intact = true;
  }
}
