import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The server that `npm run dev` shows the dashboard of. */
const server = process.env.FLEXTRAFF_SERVER ?? 'http://127.0.0.1:8000';

export default defineConfig({
  base: '/app/',
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  plugins: [react()],
  // The server puts the nonce of each answer in its place.
  html: { cspNonce: 'FLEXTRAFF_NONCE' },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 900, reportCompressedSize: false },
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    restoreMocks: true,
    // Where other programs run as well a form takes several times as long as alone.
    testTimeout: 30_000,
  },
});
